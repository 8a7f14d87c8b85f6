"""At which migration a database is, and at which this code expects it."""

from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def fetch_revision(connection: sa.Connection) -> str | None:
    """Ask a database for its revision; it has none before the first migration."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def newest_revision() -> str | None:
    """Read the head of ``migrations/``."""
    return ScriptDirectory.from_config(Config(toml_file=PYPROJECT)).get_current_head()
