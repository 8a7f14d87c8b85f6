"""Tell whether the database is there, at the right revision, and what waits in the spool."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from models.session import Database
from services.breaker import Breaker
from services.records import measure_records
from services.spool import SEGMENT, STUCK, Spool

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"


@dataclass(frozen=True)
class DatabaseHealth:
    """What one database says of itself.

    Attributes:
        engine: ``sqlite``, ``postgresql`` or ``mysql``.
        reachable: whether it answered.
        revision: the migration it is at; none before the first one, or if it did not answer.
        expected_revision: the newest migration of this code.
    """

    engine: str
    reachable: bool
    revision: str | None
    expected_revision: str | None

    @property
    def ready(self) -> bool:
        """Whether callbacks can be stored and history can be read."""
        return self.reachable and self.revision == self.expected_revision


@dataclass(frozen=True)
class SpoolHealth:
    """What waits on disk.

    Attributes:
        depth: how many callbacks wait.
        stuck: how many of them the database does not take although it takes others.
        oldest_received_at: when the first of those that wait arrived; none if none waits.
        age_seconds: how long ago that was.
        writable: whether it could take another one.
    """

    depth: int
    stuck: int
    oldest_received_at: datetime | None
    age_seconds: float
    writable: bool


def check_spool(spool: Spool, *, now: datetime) -> SpoolHealth:
    """Look at the segments of all processes; never raises."""
    waiting = [measure_segment(path) for path in spool.list_segments(SEGMENT)]
    stuck = [measure_segment(path) for path in spool.list_segments(STUCK)]
    oldest = min((first for _, first in waiting + stuck if first), default=None)
    return SpoolHealth(
        depth=sum(count for count, _ in waiting + stuck),
        stuck=sum(count for count, _ in stuck),
        oldest_received_at=oldest,
        age_seconds=(now - oldest).total_seconds() if oldest else 0.0,
        writable=spool.is_writable(),
    )


def measure_segment(path: Path) -> tuple[int, datetime | None]:
    """Count the callbacks of a segment; none once it is drained."""
    with suppress(OSError), path.open("rb") as file:
        return measure_records(file.fileno())
    return 0, None


def check_databases(database: Database, breaker: Breaker) -> Mapping[str, DatabaseHealth]:
    """Ask both, by the names of the API; never raises."""
    return {
        "database": check_database(database.write_engine, breaker),
        "read_database": check_database(database.read_engine),
    }


def check_database(engine: sa.Engine, breaker: Breaker | None = None) -> DatabaseHealth:
    """Ask a database for its revision, unless it is known to be away; never raises."""
    expected = newest_revision()
    if breaker is not None and breaker.is_open:
        return DatabaseHealth(engine.dialect.name, False, None, expected)
    try:
        revision = fetch_revision(engine)
    except SQLAlchemyError:
        return DatabaseHealth(engine.dialect.name, False, None, expected)
    return DatabaseHealth(engine.dialect.name, True, revision, expected)


def fetch_revision(engine: sa.Engine) -> str | None:
    """Ask a database at which migration it is; at none before the first one.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: it does not answer.
    """
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


@cache
def newest_revision() -> str | None:
    """Read the head of ``migrations/``."""
    return ScriptDirectory.from_config(Config(toml_file=PYPROJECT)).get_current_head()
