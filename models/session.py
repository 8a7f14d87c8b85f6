"""The only place that opens the database."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Self

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from models.connection import (
    CONNECT_ARGS,
    HANG_SECONDS,
    set_up_connections,
    transaction_options,
)
from models.sqlite import begin_transactions
from models.types import dump_json

LOCK_WAIT = timedelta(milliseconds=1500)
READ_CONNECTIONS = 8  # of a process, so that readers of a slow database leave it threads
WRITE_CONNECTIONS = 4  # one for callbacks, one for refusals, the rest for /readyz


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
    def open(cls, url: sa.URL, read_url: sa.URL, *, lock_wait: timedelta = LOCK_WAIT) -> Self:
        """Prepare both engines."""
        return cls(
            open_engine(url, lock_wait=lock_wait, hang_seconds=HANG_SECONDS),
            open_engine(read_url, read_only=True, lock_wait=lock_wait),
        )

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


def open_engine(
    url: sa.URL,
    *,
    read_only: bool = False,
    lock_wait: timedelta = LOCK_WAIT,
    hang_seconds: int | None = None,
) -> sa.Engine:
    """Make an engine whose every connection is set up the same.

    Args:
        url: one of the three supported databases; the folder of an SQLite file is made.
        read_only: let the database refuse every write.
        lock_wait: how long a statement waits for somebody else's lock.
        hang_seconds: how long MariaDB or MySQL may work on one statement before its connection is
            given up; without it, as long as it takes.
    """
    dialect = url.get_backend_name()
    if dialect == "sqlite":
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
    hang = {}
    if dialect == "mysql":
        url = url.update_query_dict({"charset": "utf8mb4"})
        hang = {"read_timeout": hang_seconds}
    engine = sa.create_engine(
        url,
        json_serializer=dump_json,
        hide_parameters=True,  # bodies have no place in the log
        pool_pre_ping=read_only,  # whoever writes tries again
        pool_size=READ_CONNECTIONS if read_only else WRITE_CONNECTIONS,
        max_overflow=0,
        pool_timeout=LOCK_WAIT.total_seconds(),
        execution_options=transaction_options(dialect, read_only=read_only),
        connect_args={**CONNECT_ARGS[dialect], **hang},
    )
    set_up_connections(engine, read_only=read_only, lock_wait=lock_wait)
    if dialect == "sqlite":
        begin_transactions(engine, read_only=read_only, lock_wait=lock_wait)
    return engine
