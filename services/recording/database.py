"""The database of the recorder; after it is reopened, it may be another one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import event

from models.clock import EPOCH
from models.database.connection import NotReadyError as NotReadyError
from models.database.engine import LOCK_WAIT, open_writer
from models.database.many import insert
from models.database.revision import check_revision
from models.delivery import Delivery
from schemas.tencent.body import Reading
from services.journal.records import Kind, Record
from services.recording.callback import to_callback
from services.recording.ledger import Numbers

REHEARSED_BYTES = 16 * 1024  # more than fits in a page of any database
HEAD = {"sdk_app_id": "", "peer": "", "query_string": "", "reading": Reading(None)}


class RecorderDatabase:
    """One connection that writes.

    Args:
        url: one of the three supported databases.
        lock_wait: how long a transaction waits for its turn.

    Attributes:
        is_opened: whether it was opened since ``is_new`` last reported so.
    """

    def __init__(self, url: sa.URL, *, lock_wait: timedelta = LOCK_WAIT) -> None:
        self.engine = open_writer(url, lock_wait=lock_wait)
        self.is_opened = False

        @event.listens_for(self.engine, "connect")
        def note_opening(*_: object) -> None:
            self.is_opened = True

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """Begin a transaction, over a new connection if need be; commit it at the end.

        Raises:
            BusyError: another transaction holds what it needs.
            NotReadyError: what was committed is missing from the database that now has this name.
        """
        with self.engine.begin() as connection:
            opened = connection.connection.dbapi_connection
            yield connection
        with self.engine.connect() as connection:  # another one if the file was moved meanwhile
            if connection.connection.dbapi_connection is not opened:
                raise NotReadyError("the database was replaced while it was written to")

    def is_new(self) -> bool:
        """Tell whether the database was opened since the last call; open it if need be.

        Raises:
            NotReadyError: it cannot be written to in its present state.
            sqlalchemy.exc.SQLAlchemyError: it does not answer.
        """
        with self.engine.connect() as connection:
            if self.is_opened:
                check_revision(connection)
        is_opened, self.is_opened = self.is_opened, False
        return is_opened

    def rehearse(self, body: bytes = b"") -> None:
        """Make sure that the database would take a callback, without leaving one behind.

        Args:
            body: of the callback; by default incompressible bytes.

        Raises:
            NotReadyError, sqlalchemy.exc.SQLAlchemyError: it would not take one.
        """
        body = body or os.urandom(REHEARSED_BYTES)
        callback = to_callback(Record(Kind.CALLBACK, UUID(int=0), EPOCH, HEAD, body))
        with self.engine.connect() as connection:
            Numbers.lock(connection)  # blocks all other records until it ends
            insert(connection, Delivery, [callback.to_delivery({})])
            connection.rollback()

    def close(self) -> None:
        """Close the connection; the next transaction opens another."""
        self.engine.dispose()
