"""What SQLite needs and the database servers do by themselves."""

import fcntl
import os
import threading
import time
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

POLL_SECONDS = 0.0005


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
            turn = lock_file(f"{self.path}-turn", deadline)
            try:
                self.held = lock_file(str(self.path), deadline)
            finally:
                os.close(turn)
        except BaseException:
            self.threads.release()
            raise

    def release(self) -> None:
        """Let the next writer in."""
        os.close(self.held)
        self.threads.release()


def lock_file(path: str, deadline: float) -> int:
    """Lock a file, made if need be, until the returned descriptor is closed."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise WriterLockError(str(error)) from error
    while not try_to_lock(descriptor):
        if time.monotonic() > deadline:
            os.close(descriptor)
            raise WriterLockError(f"{path} is held by another process")
        time.sleep(POLL_SECONDS)
    return descriptor


def try_to_lock(descriptor: int) -> bool:
    """Lock an open file if nobody else has."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def begin_reading(engine: sa.Engine) -> None:
    """Say when a transaction begins, so that all its reads see one state of the database."""
    leave_transactions_to_us(engine)

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")


def begin_writing(engine: sa.Engine, lock: WriterLock, timeout: float) -> None:
    """Hold the lock from before a transaction begins until its connection is back in the pool.

    Python's driver would begin with the first write, too late to wait for SQLite's own lock: a
    transaction that has read may not, and fails at once.
    """
    leave_transactions_to_us(engine)

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
