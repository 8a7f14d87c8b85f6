"""How a connection to each database is set up."""

from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection

CONNECT_SECONDS = 2  # the least that PostgreSQL's client can wait
HANG_SECONDS = 5  # a network that swallows everything is taken for a broken one after so long

# In WAL mode nobody who reads, in a shell or a browser, holds up a callback.
ON_CONNECT: Mapping[str, tuple[str, ...]] = {
    "sqlite": ("PRAGMA busy_timeout = {milliseconds}", "PRAGMA foreign_keys = ON"),
    "postgresql": ("SET TIME ZONE 'UTC'", "SET lock_timeout = {milliseconds}"),
    "mysql": (
        "SET SESSION sql_mode = 'TRADITIONAL', time_zone = '+00:00', "
        "lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}",
        # As on PostgreSQL: whoever looks again after a conflict must see what it collided with.
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    ),
}
ON_CONNECT_TO_WRITE: Mapping[str, tuple[str, ...]] = {
    "sqlite": ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"),
    "postgresql": (
        # Whoever waits for replicas goes on doing so; whoever waits for nothing waits for the disk.
        "SELECT set_config('synchronous_commit', 'on', false) "
        "WHERE current_setting('synchronous_commit') IN ('off', 'local')",
        # Every look-up here is by a key. Without statistics, as after an installation or a restore,
        # the planner expects otherwise and reads whole tables, longer with each callback.
        "SET enable_seqscan = off",
    ),
}
ON_CONNECT_TO_READ: Mapping[str, tuple[str, ...]] = {
    "sqlite": ("PRAGMA query_only = ON",),
    "postgresql": ("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ",),
    "mysql": (
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SET SESSION TRANSACTION READ ONLY",
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


def transaction_options(dialect: str, *, read_only: bool) -> dict[str, Any]:
    """Say how each transaction begins on a server."""
    if dialect == "postgresql" and read_only:
        return {"postgresql_readonly": True}
    return {}


def set_up_connections(engine: sa.Engine, *, read_only: bool, lock_wait: timedelta) -> None:
    """Run the same statements on every new connection."""
    role = ON_CONNECT_TO_READ if read_only else ON_CONNECT_TO_WRITE
    statements = ON_CONNECT[engine.dialect.name] + role.get(engine.dialect.name, ())
    seconds = lock_wait.total_seconds()
    waits = {"milliseconds": round(seconds * 1000), "seconds": ceil(seconds)}

    @event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement.format(**waits))
        cursor.close()
        connection.commit()
