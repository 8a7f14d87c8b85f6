"""The only place that opens the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session, sessionmaker

from config import THREADS
from models.sqlite import WriterLock, begin_reading, begin_writing
from models.types import dump_json

# Tencent gives up after 2 s: whoever waits longer for a lock waits for nobody.
LOCK_WAIT_SECONDS = 1.5
CONNECT_SECONDS = 2  # the least that PostgreSQL's client can wait

ON_CONNECT: Mapping[str, tuple[str, ...]] = {
    "sqlite": (f"PRAGMA busy_timeout = {LOCK_WAIT_SECONDS * 1000:.0f}", "PRAGMA foreign_keys = ON"),
    "postgresql": ("SET TIME ZONE 'UTC'", f"SET lock_timeout = '{LOCK_WAIT_SECONDS}s'"),
    "mysql": (
        "SET SESSION sql_mode = 'TRADITIONAL', time_zone = '+00:00', "
        f"innodb_lock_wait_timeout = {int(LOCK_WAIT_SECONDS)}",
    ),
}
# In WAL mode nobody who reads, in a shell or a browser, holds up a callback.
ON_CONNECT_TO_WRITE: Mapping[str, tuple[str, ...]] = {
    "sqlite": ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"),
}
ON_CONNECT_TO_READ: Mapping[str, tuple[str, ...]] = {
    "sqlite": ("PRAGMA query_only = ON",),
    "mysql": ("SET SESSION TRANSACTION READ ONLY",),
}


@dataclass(frozen=True)
class Database:
    """Where callbacks go and where history comes from; nothing connects before it is used.

    Attributes:
        write_engine: for transactions that write.
        read_engine: the database itself refuses to write for it.
    """

    write_engine: sa.Engine
    read_engine: sa.Engine

    @classmethod
    def open(cls, url: sa.URL, read_url: sa.URL) -> Self:
        """Prepare both engines."""
        return cls(open_engine(url), open_engine(read_url, read_only=True))

    @cached_property
    def writes(self) -> sessionmaker[Session]:
        """Make sessions that may write; a caller owns its transaction."""
        return sessionmaker(self.write_engine)

    @cached_property
    def reads(self) -> sessionmaker[Session]:
        """Make sessions that read one state of the database."""
        return sessionmaker(self.read_engine)

    def close(self) -> None:
        """Close all connections that are not in use."""
        self.write_engine.dispose()
        self.read_engine.dispose()


def open_engine(url: sa.URL, *, read_only: bool = False) -> sa.Engine:
    """Make an engine whose every connection is set up the same.

    Args:
        url: one of the three supported databases; the folder of an SQLite file is made.
        read_only: let the database refuse every write.
    """
    dialect = url.get_backend_name()
    options: dict[str, Any] = {}
    if dialect == "sqlite":
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
    else:
        options["connect_args"] = {"connect_timeout": CONNECT_SECONDS}
    if dialect == "mysql":
        url = url.update_query_dict({"charset": "utf8mb4"})
    engine = sa.create_engine(
        url,
        json_serializer=dump_json,
        hide_parameters=True,  # bodies have no place in the log
        pool_pre_ping=dialect != "sqlite",
        pool_size=THREADS,
        max_overflow=0,
        pool_timeout=LOCK_WAIT_SECONDS,
        execution_options=transaction_options(dialect, read_only=read_only),
        **options,
    )
    role = ON_CONNECT_TO_READ if read_only else ON_CONNECT_TO_WRITE
    set_up_connections(engine, ON_CONNECT[dialect] + role.get(dialect, ()))
    if dialect == "sqlite" and read_only:
        begin_reading(engine)
    elif dialect == "sqlite":
        begin_writing(engine, WriterLock(Path(f"{url.database}-lock")), LOCK_WAIT_SECONDS)
    return engine


def transaction_options(dialect: str, *, read_only: bool) -> dict[str, Any]:
    """Say how each transaction begins on a server."""
    if dialect == "mysql":
        # As on PostgreSQL: whoever looks again after a conflict must see what it collided with.
        return {"isolation_level": "READ COMMITTED"}
    if dialect == "postgresql" and read_only:
        return {"postgresql_readonly": True}
    return {}


def set_up_connections(engine: sa.Engine, statements: tuple[str, ...]) -> None:
    """Run the same statements on every new connection."""

    @event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()
        connection.commit()
