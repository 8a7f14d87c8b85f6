"""How a connection to each database is set up."""

import time
from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

CONNECT_SECONDS = 2  # the least that PostgreSQL's client can wait
HANG_SECONDS = 5  # a network that swallows everything is taken for a broken one after so long
IDLE_SECONDS = 10  # after which a server ends the transaction of a recorder that froze in it
SQLITE_STEPS = 10_000  # of its virtual machine between two looks at the clock: about 1 ms

# ``/*M!…*/`` is run by MariaDB alone, ``/*!50708…*/`` by MySQL alone.
ON_CONNECT: Mapping[str, tuple[str, ...]] = {
    "sqlite": ("PRAGMA busy_timeout = {lock_milliseconds}",),
    "postgresql": ("SET TIME ZONE 'UTC'", "SET lock_timeout = {lock_milliseconds}"),
    "mysql": (
        "SET SESSION sql_mode = 'TRADITIONAL', time_zone = '+00:00', "
        "lock_wait_timeout = {lock_seconds}, innodb_lock_wait_timeout = {lock_seconds}",
    ),
}
ON_CONNECT_TO_WRITE: Mapping[str, tuple[str, ...]] = {
    # In WAL mode a reader holds up no writer.
    "sqlite": ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"),
    "postgresql": (
        # A server that waits for replicas goes on doing so; one that waits for nothing waits for
        # its disk.
        "SELECT set_config('synchronous_commit', 'on', false) "
        "WHERE current_setting('synchronous_commit') IN ('off', 'local')",
        # Every look-up here is by a key. Without statistics, as after an installation or a restore,
        # the planner expects otherwise and reads whole tables, longer with each callback.
        "SET enable_seqscan = off",
        f"SET idle_in_transaction_session_timeout = {IDLE_SECONDS * 1000}",
    ),
    "mysql": (
        # As on PostgreSQL: the next statement sees what others have committed.
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        f"SET /*M! idle_transaction_timeout = {IDLE_SECONDS}, */ autocommit = 0",
    ),
}
ON_CONNECT_TO_READ: Mapping[str, tuple[str, ...]] = {
    "sqlite": ("PRAGMA query_only = ON",),
    "postgresql": (
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SET statement_timeout = {statement_milliseconds}",
    ),
    "mysql": (
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SET SESSION TRANSACTION READ ONLY",
        "SET /*M! max_statement_time = {statement_seconds}, */ "
        "/*!50708 max_execution_time = {statement_milliseconds}, */ autocommit = 0",
    ),
}
CONNECT_ARGS: Mapping[str, Mapping[str, Any]] = {
    "sqlite": {},
    "postgresql": {
        "connect_timeout": CONNECT_SECONDS,
        "tcp_user_timeout": HANG_SECONDS * 1000,
        "keepalives_idle": HANG_SECONDS,
        "keepalives_interval": 1,
        "keepalives_count": HANG_SECONDS,
    },
    "mysql": {"connect_timeout": CONNECT_SECONDS},
}


def set_up_connections(
    engine: sa.Engine,
    *,
    read_only: bool,
    lock_wait: timedelta,
    statement_timeout: timedelta = timedelta(0),
) -> None:
    """Run the same statements on every new connection.

    Args:
        engine: whose connections.
        read_only: whether the database is to refuse every write.
        lock_wait: how long a statement waits for a lock of another connection.
        statement_timeout: how long a statement may take; 0 is without limit.
    """
    role = ON_CONNECT_TO_READ if read_only else ON_CONNECT_TO_WRITE
    statements = ON_CONNECT[engine.dialect.name] + role.get(engine.dialect.name, ())
    limits = {
        "lock_milliseconds": round(lock_wait / timedelta(milliseconds=1)),
        "lock_seconds": ceil(lock_wait.total_seconds()),
        "statement_milliseconds": round(statement_timeout / timedelta(milliseconds=1)),
        "statement_seconds": statement_timeout.total_seconds(),
    }

    @event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement.format(**limits))
        cursor.close()
        connection.commit()


def limit_sqlite_statements(engine: sa.Engine, limit: timedelta) -> None:
    """Interrupt every statement that takes longer, as servers do by themselves."""

    @event.listens_for(engine, "connect")
    def watch(connection: Any, entry: ConnectionPoolEntry) -> None:
        deadline = entry.info
        connection.set_progress_handler(
            lambda: time.monotonic() > deadline.get("deadline", float("inf")), SQLITE_STEPS
        )

    @event.listens_for(engine, "before_cursor_execute")
    def set_deadline(connection: sa.Connection, *_: object) -> None:
        connection.info["deadline"] = time.monotonic() + limit.total_seconds()


def is_timeout(error: sa.exc.DBAPIError) -> bool:
    """Tell whether a statement was cut off because it took too long."""
    cause: Any = error.orig
    codes = {getattr(cause, "sqlstate", None), *getattr(cause, "args", ())[:1]}
    return not codes.isdisjoint({"57014", 1969, 3024, "interrupted"})


def describe(fault: BaseException) -> str:
    """Return one line that says what is wrong, in the words of the database if it failed.

    Its further lines are left out: PostgreSQL quotes the row there.
    """
    cause = fault.orig if isinstance(fault, sa.exc.DBAPIError) and fault.orig else fault
    return f"{type(cause).__name__} {cause}".strip().splitlines()[0]
