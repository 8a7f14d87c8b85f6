"""Check that a database has the revision and the encoding that this code needs."""

from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from models.database.connection import NotReadyError
from models.tables import Base

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
# PostgreSQL keeps all texts of a database in one encoding; ``SQL_ASCII`` accepts any bytes.
FIND_NARROW_TEXT = {
    "postgresql": sa.text(
        "SELECT 'the database' AS place, current_setting('server_encoding') AS encoding "
        "WHERE current_setting('server_encoding') NOT IN ('UTF8', 'SQL_ASCII')"
    ),
    "mysql": sa.text(
        "SELECT concat(table_name, '.', column_name) AS place, character_set_name AS encoding "
        "FROM information_schema.columns WHERE table_schema = database() "
        "AND table_name IN :tables AND character_set_name <> 'utf8mb4' LIMIT 1"
    ).bindparams(sa.bindparam("tables", [*Base.metadata.tables], expanding=True)),
}


def fetch_revision(connection: sa.Connection) -> str | None:
    """Fetch the revision of a database; it has none before the first migration."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def newest_revision() -> str | None:
    """Return the revision that this code expects."""
    return ScriptDirectory.from_config(Config(toml_file=PYPROJECT)).get_current_head()


def is_enough(revision: str | None) -> bool:
    """Tell whether this code works with a revision: the one it expects, or a newer one.

    Revisions are numbers. A migration suits the release before it, as both run during a deployment.
    """
    return (revision or "") >= (newest_revision() or "")


def fetch_newer(connection: sa.Connection) -> str | None:
    """Fetch the revision to which a newer release has migrated a database, if one has."""
    revision = fetch_revision(connection)
    return revision if is_enough(revision) and revision != newest_revision() else None


def check_revision(connection: sa.Connection) -> None:
    """Make sure that a database is migrated, and can hold everything that is sent.

    Raises:
        NotReadyError: it is not migrated, or cannot hold every text.
    """
    check_text(connection)
    revision, expected = fetch_revision(connection), newest_revision()
    if not is_enough(revision):
        raise NotReadyError(
            f"the database is at revision {revision or 'none'}, not {expected}: run make migrate"
        )


def check_text(connection: sa.Connection) -> None:
    """Make sure that a database can hold every character.

    Raises:
        NotReadyError: it cannot, so an ID in Chinese would be rejected while others pass.
    """
    query = FIND_NARROW_TEXT.get(connection.dialect.name)
    narrow = connection.execute(query).first() if query is not None else None
    if narrow is not None:
        raise NotReadyError(
            f"{narrow.place} has the encoding {narrow.encoding}, which can't hold every character; "
            "UTF8 and utf8mb4 can"
        )
