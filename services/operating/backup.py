"""Copy an SQLite database while it is in use, and check the copy."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from models.database.engine import connect_to_read
from models.database.revision import check_revision, fetch_revision
from models.database.sqlite import OWNER_ALONE

PAGES_AT_ONCE = 4096  # 16 MiB

DUMPS = {
    "postgresql": "pg_dump --format=custom --file={file} {database}",
    "mysql": "mariadb-dump --single-transaction --result-file={file} {database}",
}


class BackupError(Exception):
    """A database cannot be copied this way."""


def back_up(url: sa.URL, file: Path, on_copied: Callable[[int], object]) -> None:
    """Copy a database into a new file for its owner alone.

    The copy shows one moment, without later commits, and blocks nobody.

    Args:
        url: of an SQLite database.
        file: exists once the copy is whole.
        on_copied: called with how many more pages were copied.

    Raises:
        BackupError: the database is a server's, the file is there already, or the copy is damaged
            or can't be made, as on a full disk.
        OSError, sqlalchemy.exc.SQLAlchemyError: it can't be read or written.
    """
    dialect = url.get_backend_name()
    if dialect != "sqlite":
        command = DUMPS[dialect].format(file=file, database=url.database)
        raise BackupError(f"a server has its own program for this: {command}")
    if file.exists():
        raise BackupError(f"{file} exists already; nothing was written")
    draft = file.with_name(f"{file.name}.part")
    os.close(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, OWNER_ALONE))
    try:
        copy(url, draft, on_copied)
        check(draft)
        os.link(draft, file)  # fails if it is there by now
    except sqlite3.Error as fault:
        raise BackupError(f"the copy can't be made: {fault}") from fault
    finally:
        draft.unlink()


def copy(url: sa.URL, draft: Path, on_copied: Callable[[int], object]) -> None:
    """Copy all pages, and flush them."""
    copied = 0

    def tell(_: int, remaining: int, total: int) -> None:
        nonlocal copied
        on_copied(total - remaining - copied)
        copied = total - remaining

    with connect_to_read(url) as connection, closing(sqlite3.connect(draft)) as made:
        fetch_revision(connection)  # from now on it sees one moment, whatever others commit
        live: Any = connection.connection.driver_connection
        live.backup(made, pages=PAGES_AT_ONCE, progress=tell)
        made.execute("PRAGMA journal_mode = DELETE")  # so that it is one file
    with draft.open("rb") as file:
        os.fsync(file.fileno())


def check(draft: Path) -> None:
    """Make sure that a copy is whole and belongs to this release.

    Raises:
        BackupError: it is damaged.
        NotReadyError: it is not at the revision of this release.
    """
    made = sa.URL.create("sqlite", database=str(draft))
    with connect_to_read(made) as connection:
        check_revision(connection)
        said = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    if said != ["ok"]:
        raise BackupError(f"the copy is damaged: {said[0]}")
