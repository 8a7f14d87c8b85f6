"""The setup of a connection to each database."""

import time
from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

CONNECT_SECONDS = 2  # the shortest wait that PostgreSQL's client allows
HANG_SECONDS = 5  # after which a network that swallows everything counts as broken
IDLE_SECONDS = 10  # after which a server ends the transaction of a frozen recorder
SQLITE_STEPS = 10_000  # of SQLite's virtual machine between two looks at the clock: about 1 ms

# The defaults of a server, database or role are not meant for these statements. Everything that
# changes what a statement means, which rows it sees, or how text, bytes and times travel is set on
# every connection. Whether a role may write is left alone: the owner of the database decides that.
POSTGRESQL_SETTINGS = {
    "statement_timeout": "{statement_milliseconds}",  # first, as the next ones may take too long
    "lock_timeout": "{lock_milliseconds}",
    "idle_session_timeout": "0",
    "exit_on_error": "off",
    "client_encoding": "UTF8",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "backslash_quote": "safe_encoding",
    "transform_null_equals": "off",
    "array_nulls": "on",
    "quote_all_identifiers": "off",
    "row_security": "on",
    "default_transaction_isolation": "'{isolation}'",
    "default_transaction_deferrable": "off",
    # Compiling a statement takes longer than running it, and is repeated each time.
    "jit": "off",
    # Parallel workers take longer to start than a page takes, and take cores from callbacks.
    "max_parallel_workers_per_gather": "0",
}
MYSQL_SETTINGS = {
    "sql_mode": "'TRADITIONAL'",
    "time_zone": "'+00:00'",
    "completion_type": "0",
    "sql_auto_is_null": "0",
    "sql_safe_updates": "0",
    "sql_select_limit": "18446744073709551615",
    "sql_big_selects": "1",
    "max_sort_length": "1024",
    "group_concat_max_len": "1048576",
    "div_precision_increment": "4",
    "unique_checks": "1",
    "default_storage_engine": "InnoDB",
    "lock_wait_timeout": "{lock_seconds}",
    "innodb_lock_wait_timeout": "{lock_seconds}",
}
# The first existing schema of the path has the tables; no other takes part in a statement.
SET_SCHEMA = """
    SELECT set_config('search_path', quote_ident(coalesce(
        (SELECT name FROM unnest(current_schemas(false)) AS name
        WHERE name !~ '^(pg_|information_schema$)' LIMIT 1), 'public')), false)
"""
# ``/*M!…*/`` is run by MariaDB alone, ``/*!50708…*/`` by MySQL alone.
ON_CONNECT: Mapping[str, tuple[str, ...]] = {
    "sqlite": ("PRAGMA busy_timeout = {lock_milliseconds}",),
    "postgresql": (
        "; ".join(f"SET {name} = {value}" for name, value in POSTGRESQL_SETTINGS.items()),
        SET_SCHEMA,
        # Not every release has it.
        "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout'",
    ),
    "mysql": (
        "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
        "SET " + ", ".join(f"{name} = {value}" for name, value in MYSQL_SETTINGS.items()),
        "SET SESSION TRANSACTION ISOLATION LEVEL {isolation}",
        "SET /*M! max_statement_time = {statement_seconds}, alter_algorithm = 'DEFAULT', */ "
        "/*!50708 max_execution_time = {statement_milliseconds}, */ autocommit = 0",
    ),
}
ON_CONNECT_TO_WRITE: Mapping[str, tuple[str, ...]] = {
    # In WAL mode a reader holds up no writer.
    "sqlite": ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"),
    "postgresql": (
        # A server that waits for replicas still does; one that waits for nothing now waits for its
        # disk.
        "SELECT set_config('synchronous_commit', 'on', false) "
        "WHERE current_setting('synchronous_commit') IN ('off', 'local')",
        # Every look-up here is by a key. Without statistics, as after an installation or a restore,
        # the planner would read whole tables, and take longer with each callback.
        "SET enable_seqscan = off",
        f"SET idle_in_transaction_session_timeout = {IDLE_SECONDS * 1000}",
    ),
    "mysql": (
        f"SET /*M! idle_transaction_timeout = {IDLE_SECONDS}, idle_write_transaction_timeout = 0, "
        "idle_readonly_transaction_timeout = 0, */ autocommit = 0",
    ),
}
ON_CONNECT_TO_READ: Mapping[str, tuple[str, ...]] = {
    "sqlite": ("PRAGMA query_only = ON",),
    "mysql": ("SET SESSION TRANSACTION READ ONLY",),
}
CONNECT_ARGS: Mapping[str, Mapping[str, Any]] = {
    "sqlite": {"isolation_level": None},  # Python's driver starts no transaction by itself
    "postgresql": {
        "connect_timeout": CONNECT_SECONDS,
        "tcp_user_timeout": HANG_SECONDS * 1000,
        "keepalives_idle": HANG_SECONDS,
        "keepalives_interval": 1,
        "keepalives_count": HANG_SECONDS,
    },
    "mysql": {"connect_timeout": CONNECT_SECONDS},
}


class NotReadyError(SQLAlchemyError):
    """The database is missing, or not in the state that this code needs."""


class BusyError(NotReadyError):
    """Another transaction holds what this one needs, and will release it."""


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
        read_only: whether the database has to refuse every write.
        lock_wait: how long a statement waits for a lock of another connection.
        statement_timeout: how long a statement may take; 0 means no limit.
    """
    role = ON_CONNECT_TO_READ if read_only else ON_CONNECT_TO_WRITE
    statements = ON_CONNECT[engine.dialect.name] + role.get(engine.dialect.name, ())
    limits = {
        "lock_milliseconds": round(lock_wait / timedelta(milliseconds=1)),
        "lock_seconds": ceil(lock_wait.total_seconds()),
        "statement_milliseconds": round(statement_timeout / timedelta(milliseconds=1)),
        "statement_seconds": statement_timeout.total_seconds(),
        # A writer sees what others have committed meanwhile; a reader sees one state.
        "isolation": "repeatable read" if read_only else "read committed",
    }

    @event.listens_for(engine, "connect", insert=True)  # before the dialect queries anything
    def set_up(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement.format(**limits))
        cursor.close()
        connection.commit()

    @event.listens_for(engine, "handle_error")
    def name_fault(context: ExceptionContext) -> None:
        if isinstance(context.sqlalchemy_exception, sa.exc.DBAPIError):
            raise_if_busy(context.sqlalchemy_exception)


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
    return has_code(error, {"57014", 1969, 3024, "interrupted"})


def is_busy(error: sa.exc.DBAPIError) -> bool:
    """Tell whether a wait for a lock timed out, or two transactions waited for each other."""
    return has_code(error, {"55P03", "40P01", "40001", 1205, 1213, "database is locked"})


def raise_if_busy(error: sa.exc.DBAPIError) -> None:
    """Turn an error that passes by itself into one of its own class.

    Raises:
        BusyError: it is one.
    """
    if is_busy(error):
        raise BusyError(describe(error)) from error


def has_code(error: sa.exc.DBAPIError, codes: set[str | int]) -> bool:
    """Tell whether the database gave one of some reasons, as a code, or for SQLite in words."""
    cause: Any = error.orig
    return not codes.isdisjoint({getattr(cause, "sqlstate", None), *getattr(cause, "args", ())[:1]})


def describe(fault: BaseException) -> str:
    """Return one line about an error, in the words of the database if it failed.

    Further lines are left out, as PostgreSQL quotes the row there.
    """
    if isinstance(fault, NotReadyError):
        return str(fault)
    cause = fault.orig if isinstance(fault, sa.exc.DBAPIError) and fault.orig else fault
    return f"{type(cause).__name__} {cause}".strip().splitlines()[0]
