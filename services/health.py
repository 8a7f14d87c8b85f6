"""Tell whether the database is there, and at the revision this code was written for."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

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


def check_database(engine: sa.Engine) -> DatabaseHealth:
    """Ask a database for its revision; never raises."""
    expected = newest_revision()
    try:
        with engine.connect() as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError:
        return DatabaseHealth(engine.dialect.name, False, None, expected)
    return DatabaseHealth(engine.dialect.name, True, revision, expected)


@cache
def newest_revision() -> str | None:
    """Read the head of ``migrations/``."""
    return ScriptDirectory.from_config(Config(toml_file=PYPROJECT)).get_current_head()
