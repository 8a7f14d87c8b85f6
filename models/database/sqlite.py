"""What SQLite needs, and database servers do by themselves."""

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from models.database.connection import BusyError, NotReadyError
from models.file_lock import lock_file

ENDINGS = ("", "-wal", "-shm")  # of the files of a database; each one belongs to those before it
OWNER_ALONE, STRANGERS = 0o600, 0o007

Inodes = list[tuple[int, int] | None]
Lock = Callable[[], int]  # waits for the turn to write, and returns a descriptor that holds it

log = logging.getLogger(__name__)


class WriterLockError(BusyError):
    """The lock could not be acquired, so nothing was written."""


def set_up_file(engine: sa.Engine, *, read_only: bool, lock_wait: timedelta) -> None:
    """Notice when the files of a database are replaced, and control when a transaction begins.

    The connection of a reader makes no checkpoint.
    """
    path, timeout = Path(engine.url.database or ""), lock_wait.total_seconds()
    lock = None if read_only else partial(lock_writers, Path(f"{path}-lock"), timeout)
    open_file(engine, path, mode="ro" if read_only else "rw")
    let_go_of_moved_files(engine, path, lock)
    if lock is None:
        begin_reading(engine)
    else:
        begin_writing(engine, lock)


def lock_writers(path: Path, timeout: float) -> int:
    """Wait at most ``timeout`` seconds for the turn to write.

    In WAL mode, SQLite before 3.51.3 can lose pages when a checkpoint races a writer in another
    process. A checkpoint runs at the end of a commit, so a writer that holds this lock from BEGIN
    until the commit is over has the file to itself. Readers need no lock.

    It is a turnstile of two files: a process that waits for the first holds the second, so a busy
    process cannot come round again before the waiting one has had its turn.

    Returns:
        A descriptor that holds the lock until it is closed; the death of the process closes it.

    Raises:
        WriterLockError: another writer kept it, or the files cannot be opened.
    """
    deadline = time.monotonic() + timeout
    turn = wait_for_lock(Path(f"{path}-turn"), deadline)
    try:
        return wait_for_lock(path, deadline)
    finally:
        os.close(turn)


def wait_for_lock(path: Path, deadline: float) -> int:
    """Wait for the lock of one of the files, and hold it until its descriptor is closed."""
    try:
        descriptor = lock_file(path, deadline - time.monotonic())
    except OSError as error:
        raise WriterLockError(str(error)) from error
    if descriptor is None:
        raise WriterLockError(f"{path} is held by another process")
    return descriptor


def make_file(path: Path) -> None:
    """Make an empty database for its owner alone; deny others access to an existing one.

    SQLite gives the accompanying files the same permissions.

    Raises:
        OSError: it cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNER_ALONE))
    for ending in ENDINGS:
        with suppress(FileNotFoundError, PermissionError):
            if os.stat(f"{path}{ending}").st_mode & STRANGERS:
                os.chmod(f"{path}{ending}", OWNER_ALONE)


def find_inodes(path: Path) -> Inodes:
    """Return which files have the names of a database and of its accompanying files."""
    found: Inodes = []
    for ending in ENDINGS:
        try:
            status = os.stat(f"{path}{ending}")
            found.append((status.st_dev, status.st_ino))
        except OSError:
            found.append(None)
    return found


def open_file(engine: sa.Engine, path: Path, *, mode: str) -> None:
    """Open an existing database, and note which files have its names."""

    @event.listens_for(engine, "do_connect")
    def connect(_: sa.Dialect, entry: Any, __: object, options: Mapping[str, Any]) -> Any:
        entry.info["inodes"] = find_inodes(path)
        if entry.info["inodes"][0] is None:
            raise NotReadyError(f"{path} does not exist: run make migrate")
        return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, **options)

    @event.listens_for(engine, "connect")
    def note_inodes(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        connection.execute("SELECT 1 FROM sqlite_master")  # opens its accompanying files
        before, entry.info["inodes"] = entry.info["inodes"], find_inodes(path)
        if before[0] != entry.info["inodes"][0]:
            connection.close()
            raise NotReadyError(f"{path} was replaced a moment ago")


def let_go_of_moved_files(engine: sa.Engine, path: Path, lock: Lock | None) -> None:
    """Reopen a database once one of its names is gone or belongs to another file.

    Anything written to a file without a name is lost when the file is closed. A writer first saves
    what only it has.
    """

    @event.listens_for(engine, "checkout")
    def check(connection: Any, entry: ConnectionPoolEntry, _: object) -> None:
        opened = entry.info["inodes"]
        if opened != find_inodes(path):
            if lock is not None:
                log.warning("%s was removed or replaced: reopening it", path)
                with suppress(sqlite3.Error, OSError, WriterLockError):
                    descriptor = lock()
                    try:
                        save_moved_files(connection, path, opened)
                    finally:
                        os.close(descriptor)
            raise DisconnectionError(f"{path} was replaced")


def save_moved_files(connection: sqlite3.Connection, path: Path, opened: Inodes) -> None:
    """Save what only the open files have, and leave none of them beside a foreign file.

    Raises:
        sqlite3.Error, OSError: it cannot be saved.
    """
    found = find_inodes(path)
    if found[0] == opened[0]:
        connection.execute("PRAGMA wal_checkpoint")
    is_moved = False
    for ending, now, then in zip(ENDINGS, found, opened, strict=True):
        if is_moved and now == then is not None:
            os.unlink(f"{path}{ending}")
        is_moved = is_moved or now != then


def begin_reading(engine: sa.Engine) -> None:
    """Begin before the first read, so that all reads see one state of the database."""

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")


def begin_writing(engine: sa.Engine, lock: Lock) -> None:
    """Hold the lock from before a transaction begins until its connection is back in the pool.

    Python's driver would begin with the first write. That is too late to wait for SQLite's own
    lock: a transaction that has read fails at once instead.
    """

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        if "lock" not in connection.info:
            connection.info["lock"] = lock()
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    @event.listens_for(engine, "checkin")
    def give_back(_: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        if "lock" in entry.info:
            os.close(entry.info.pop("lock"))
