"""What SQLite needs and the database servers do by themselves."""

import os
import threading
import time
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from models.file_lock import lock_file


class WriterLockError(SQLAlchemyError):
    """The lock could not be had, so nothing was written."""


class WriterLock:
    """Lets one thread of one process write at a time; a process that dies lets go.

    In WAL mode, SQLite before 3.51.3 can lose pages when a checkpoint races a writer in another
    process. A checkpoint runs at the end of a commit, so whoever holds this from BEGIN until the
    commit is over has the file to itself. Readers need no lock.

    It is a turnstile of two files: whoever waits for the first holds the second, so a busy process
    can't come round again before the one that waits has had its turn.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.threads = threading.Lock()
        self.held = -1

    def acquire(self, timeout: float) -> None:
        """Wait at most ``timeout`` seconds for the lock.

        Raises:
            WriterLockError: somebody else kept it, or the files can't be opened.
        """
        deadline = time.monotonic() + timeout
        if not self.threads.acquire(timeout=timeout):
            raise WriterLockError(f"{self.path} is held by another thread")
        try:
            turn = self.wait_for(Path(f"{self.path}-turn"), deadline)
            try:
                self.held = self.wait_for(self.path, deadline)
            finally:
                os.close(turn)
        except BaseException:
            self.threads.release()
            raise

    def wait_for(self, path: Path, deadline: float) -> int:
        """Lock one of the files until its descriptor is closed."""
        try:
            descriptor = lock_file(path, deadline - time.monotonic())
        except OSError as error:
            raise WriterLockError(str(error)) from error
        if descriptor is None:
            raise WriterLockError(f"{path} is held by another process")
        return descriptor

    def release(self) -> None:
        """Let the next writer in."""
        os.close(self.held)
        self.threads.release()


def begin_transactions(engine: sa.Engine, *, read_only: bool, lock_wait: timedelta) -> None:
    """Say when a transaction begins: Python's driver is not to guess."""
    leave_transactions_to_us(engine)
    if read_only:
        begin_reading(engine)
    else:
        lock = WriterLock(Path(f"{engine.url.database}-lock"))
        begin_writing(engine, lock, lock_wait.total_seconds())


def begin_reading(engine: sa.Engine) -> None:
    """Begin before the first read, so that all reads see one state of the database."""

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")


def begin_writing(engine: sa.Engine, lock: WriterLock, timeout: float) -> None:
    """Hold the lock from before a transaction begins until its connection is back in the pool.

    Python's driver would begin with the first write, too late to wait for SQLite's own lock: a
    transaction that has read may not, and fails at once.
    """

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        if not connection.info.get("holds_lock"):
            lock.acquire(timeout)
            connection.info["holds_lock"] = True
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    @event.listens_for(engine, "checkin")
    def give_back(_: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        if entry.info.pop("holds_lock", False):
            lock.release()


def leave_transactions_to_us(engine: sa.Engine) -> None:
    """Keep Python's driver from beginning transactions by itself."""

    @event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, _: object) -> None:
        connection.isolation_level = None
