"""The only place that opens the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session, sessionmaker

from models.sqlite import WriterLock, begin_reading, begin_writing
from models.types import dump_json

# Tencent gives up after 2 s: whoever waits longer for a lock waits for nobody.
LOCK_WAIT_MS = 1500
POOL_SIZE = 16  # as many as a worker has threads: gunicorn.conf.py

# SQLite's rollback journal is safe with several writing processes on every version; WAL is not
# before 3.51.3. EXTRA also syncs the directory once the journal is gone.
ON_CONNECT: Mapping[str, tuple[str, ...]] = {
    "sqlite": (f"PRAGMA busy_timeout = {LOCK_WAIT_MS}", "PRAGMA foreign_keys = ON"),
    "postgresql": ("SET TIME ZONE 'UTC'", f"SET lock_timeout = {LOCK_WAIT_MS}"),
    "mysql": (
        "SET SESSION sql_mode = 'TRADITIONAL', time_zone = '+00:00', "
        f"innodb_lock_wait_timeout = {-(-LOCK_WAIT_MS // 1000)}",
    ),
}
# In WAL mode nobody who reads, in a shell or a browser, holds up a callback.
ON_CONNECT_TO_WRITE: Mapping[str, tuple[str, ...]] = {
    "sqlite": ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"),
}
ON_CONNECT_TO_READ: Mapping[str, tuple[str, ...]] = {
    "sqlite": ("PRAGMA query_only = ON",),
    "postgresql": ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",),
    "mysql": ("SET SESSION TRANSACTION READ ONLY",),
}


@dataclass(frozen=True)
class Database:
    """Where callbacks go and where history comes from.

    Attributes:
        writes: makes sessions that may write; a caller owns its transaction.
        reads: makes sessions in which the database itself refuses to write.
    """

    writes: sessionmaker[Session]
    reads: sessionmaker[Session]

    @classmethod
    def open(cls, url: sa.URL, read_url: sa.URL) -> Self:
        """Prepare both engines; nothing connects before it is used."""
        return cls(
            writes=sessionmaker(open_engine(url)),
            reads=sessionmaker(open_engine(read_url, read_only=True)),
        )


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
    if dialect == "mysql":
        url = url.update_query_dict({"charset": "utf8mb4"})
        options["isolation_level"] = "READ COMMITTED"
    engine = sa.create_engine(
        url,
        json_serializer=dump_json,
        hide_parameters=True,
        pool_pre_ping=dialect != "sqlite",
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=LOCK_WAIT_MS / 1000,
        **options,
    )
    role = ON_CONNECT_TO_READ if read_only else ON_CONNECT_TO_WRITE
    set_up_connections(engine, ON_CONNECT[dialect] + role.get(dialect, ()))
    if dialect == "sqlite" and read_only:
        begin_reading(engine)
    elif dialect == "sqlite":
        begin_writing(engine, WriterLock(Path(f"{url.database}-lock")), LOCK_WAIT_MS / 1000)
    return engine


def set_up_connections(engine: sa.Engine, statements: tuple[str, ...]) -> None:
    """Run the same statements on every new connection."""

    @event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()
        connection.commit()
