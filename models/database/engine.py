"""The only place that opens a database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from models.database.connection import (
    CONNECT_ARGS,
    HANG_SECONDS,
    NotReadyError,
    describe,
    limit_sqlite_statements,
    set_up_connections,
)
from models.database.months import hold_months
from models.database.sqlite import make_file, set_up_file
from models.text import dump_json

LOCK_WAIT = timedelta(milliseconds=1500)
PATIENCE = timedelta(minutes=1)  # of a command for its turn: it does not retry
POOL_WAIT_SECONDS = 1.5
READ_CONNECTIONS = 8  # of a process, so that a slow database leaves it some threads


def open_writer(
    url: sa.URL, *, lock_wait: timedelta = LOCK_WAIT, hang_seconds: int | None = HANG_SECONDS
) -> sa.Engine:
    """Make an engine of one connection, for transactions that write.

    Args:
        url: one of the three supported databases.
        lock_wait: how long a statement waits for a lock of another connection.
        hang_seconds: how long MariaDB or MySQL may work on one statement, in addition to a longer
            ``lock_wait``, before its connection is given up; none means no limit.
    """
    dialect = url.get_backend_name()
    hang = {}
    if dialect == "mysql" and hang_seconds is not None:
        hang["read_timeout"] = hang_seconds + ceil((lock_wait - LOCK_WAIT).total_seconds())
    if dialect == "postgresql":  # of several hosts, the one that takes writes
        url = url.set(query={"target_session_attrs": "read-write", **url.query})
    # Its transactions end by themselves. A rollback on each return takes time, and logs a traceback
    # once the connection is cut.
    engine = make_engine(url, hang, pool_size=1, pool_reset_on_return=None)
    set_up_connections(engine, read_only=False, lock_wait=lock_wait)
    if dialect == "sqlite":
        set_up_file(engine, read_only=False, lock_wait=lock_wait)
    return engine


@contextmanager
def connect_to_migrate(url: sa.URL, *, patience: timedelta = PATIENCE) -> Iterator[sa.Connection]:
    """Connect for migrations: statements may take long, and an SQLite file is created.

    Args:
        url: as for ``open_writer``.
        patience: how long to wait for another migration.

    Raises:
        NotReadyError: the database does not answer, or a migration fails.
    """
    is_file = url.get_backend_name() == "sqlite"
    # Another migration has the whole file; a locked table would hold up every statement that uses
    # it.
    lock_wait = patience if is_file else LOCK_WAIT
    try:
        if is_file:
            make_file(Path(url.database or ""))
        engine = open_writer(url, lock_wait=lock_wait, hang_seconds=None)
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()
    except (SQLAlchemyError, CommandError, OSError) as fault:
        raise NotReadyError(f"DATABASE_URL can't be migrated: {describe(fault)}") from fault


def open_reader(
    url: sa.URL,
    *,
    statement_timeout: timedelta = timedelta(0),
    connections: int = READ_CONNECTIONS,
) -> sa.Engine:
    """Make an engine for which the database itself refuses every write.

    Args:
        url: as for ``open_writer``.
        statement_timeout: how long a statement may take; 0 is without limit.
        connections: the largest number of connections.
    """
    dialect = url.get_backend_name()
    engine = make_engine(
        url,
        {},
        pool_size=connections,
        pool_pre_ping=True,
        execution_options={"postgresql_readonly": True} if dialect == "postgresql" else {},
    )
    set_up_connections(
        engine, read_only=True, lock_wait=LOCK_WAIT, statement_timeout=statement_timeout
    )
    if dialect == "postgresql":
        hold_months(engine)
    if dialect == "sqlite":
        set_up_file(engine, read_only=True, lock_wait=LOCK_WAIT)
        if statement_timeout:
            limit_sqlite_statements(engine, statement_timeout)
    return engine


@contextmanager
def connect_to_read(url: sa.URL) -> Iterator[sa.Connection]:
    """Connect to a database, only to read, until the block ends.

    Raises:
        NotReadyError: there is no such file of SQLite.
        sqlalchemy.exc.SQLAlchemyError: it does not answer.
    """
    engine = open_reader(url, connections=1)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def make_engine(url: sa.URL, connect_args: dict[str, Any], **options: Any) -> sa.Engine:
    """Make an engine of either kind."""
    dialect = url.get_backend_name()
    if dialect == "mysql":
        url = url.update_query_dict({"charset": "utf8mb4"})
        options["paramstyle"] = "format"  # for rows as tuples
    return sa.create_engine(
        url,
        json_serializer=dump_json,
        hide_parameters=True,  # bodies do not belong in the log
        max_overflow=0,
        pool_timeout=POOL_WAIT_SECONDS,
        connect_args={**CONNECT_ARGS[dialect], **connect_args},
        **options,
    )
