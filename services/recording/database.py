"""The database as the recorder has it: opened anew, it may be another one."""

import os
import uuid
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from models.database.engine import open_writer
from models.database.revision import fetch_revision, newest_revision
from models.delivery import Delivery
from models.vocabulary import Verdict
from services.recording.ledger import Numbers

REHEARSED_BYTES = 16 * 1024  # more than a page of any database has room for

REHEARSE = sa.insert(Delivery)


class NotReadyError(Exception):
    """The database is not there, or at another migration than this code expects."""


class RecorderDatabase:
    """One connection that writes.

    Attributes:
        is_opened: it was opened since ``is_new`` last told so.
    """

    def __init__(self, url: sa.URL) -> None:
        self.engine = open_writer(url)
        self.file = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
        self.inode: tuple[int, int] | None = None
        self.is_opened = False

        @event.listens_for(self.engine, "connect")
        def note_opening(*_: object) -> None:
            self.is_opened = True

    def begin(self) -> AbstractContextManager[sa.Connection]:
        """Begin a transaction, over a new connection if need be."""
        return self.engine.begin()

    def is_new(self) -> bool:
        """Tell whether the database was opened since the last time; open it if need be.

        Raises:
            NotReadyError: it can't be written to as it is.
            sqlalchemy.exc.SQLAlchemyError: it does not answer.
        """
        if self.file is not None and self.inode != (inode := find_inode(self.file)):
            self.engine.dispose()
            self.inode = inode
        with self.engine.connect() as connection:
            if self.is_opened:
                check_revision(connection)
        is_opened, self.is_opened = self.is_opened, False
        return is_opened

    def rehearse(self) -> None:
        """Make sure that the database would take a callback, without leaving one.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: it would not.
        """
        with self.engine.connect() as connection:
            Numbers.lock(connection)  # whoever keeps the turn keeps all records from the tables
            connection.execute(REHEARSE, make_delivery())
            connection.rollback()

    def close(self) -> None:
        """Close the connection; the next transaction opens another."""
        self.engine.dispose()


def find_inode(file: Path) -> tuple[int, int]:
    """Identify an SQLite file, to notice that it was replaced.

    Raises:
        NotReadyError: it is not there; to open it would make an empty one.
    """
    try:
        found = os.stat(file)
    except OSError:
        raise NotReadyError(f"{file} is not there: run make migrate") from None
    return found.st_dev, found.st_ino


def check_revision(connection: sa.Connection) -> None:
    """Make sure that a database is migrated.

    Raises:
        NotReadyError: it is not, or by another release.
    """
    revision, expected = fetch_revision(connection), newest_revision()
    if revision != expected:
        raise NotReadyError(
            f"the database is at revision {revision or 'none'}, not {expected}: run make migrate"
        )


def make_delivery() -> dict[str, Any]:
    """Make a delivery that no compression makes smaller, to be taken back."""
    return {
        "id": 0,
        "uuid": uuid.UUID(int=0),
        "received_at": datetime(1970, 1, 1, tzinfo=UTC),
        "sdk_app_id": "",
        "command": None,
        "verdict": Verdict.UNHANDLED,
        "errors": None,
        "duplicate_of": None,
        "peer": "",
        "query_string": "",
        "body": os.urandom(REHEARSED_BYTES),
    }
