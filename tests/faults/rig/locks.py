"""Locks that another client holds, and servers that take no writes."""

import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager

import sqlalchemy as sa


def statements(*lines: str) -> Callable[[sa.URL], AbstractContextManager[None]]:
    """Make a lock from statements that run over one connection, which stays open."""

    @contextmanager
    def hold(url: sa.URL) -> Iterator[None]:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            for line in lines:
                connection.exec_driver_sql(line)
            yield

    return hold


@contextmanager
def sqlite_transaction(url: sa.URL) -> Iterator[None]:
    """Stay in the middle of a transaction, as in a shell."""
    with closing(sqlite3.connect(url.database, timeout=10, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def writer_lock(url: sa.URL) -> Iterator[None]:
    """Hold the lock file of the service's own writers."""
    with open(f"{url.database}-lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


LOCKS = {
    ("sqlite", "transaction"): sqlite_transaction,
    ("sqlite", "writer lock"): writer_lock,
    # Like another host that is frozen in a transaction.
    ("postgresql", "ledger"): statements("SELECT id FROM ledger FOR UPDATE"),
    ("mysql", "ledger"): statements("START TRANSACTION", "SELECT id FROM ledger FOR UPDATE"),
    ("postgresql", "table"): statements("LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE"),
    # Like a backup or an ALTER TABLE; InnoDB's own timeout does not end it.
    ("mysql", "table"): statements("LOCK TABLES deliveries WRITE"),
    # All rows, and the gap after the last one.
    ("mysql", "rows"): statements("START TRANSACTION", "SELECT id FROM deliveries FOR UPDATE"),
}


def lock(url: sa.URL, what: str) -> AbstractContextManager[None]:
    """Hold it for a while."""
    return LOCKS[url.get_backend_name(), what](url)


@contextmanager
def read_only(server, url: sa.URL) -> Iterator[None]:
    """Let the server refuse every write, as a standby does."""
    on, off = {
        "postgresql": (
            (
                f"ALTER DATABASE {url.database} SET default_transaction_read_only = on",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE datname = '{url.database}'",
            ),
            (f"ALTER DATABASE {url.database} RESET default_transaction_read_only",),
        ),
        "mysql": (("SET GLOBAL read_only = 1",), ("SET GLOBAL read_only = 0",)),
    }[url.get_backend_name()]
    server.run(*on)
    try:
        yield
    finally:
        server.run(*off)
