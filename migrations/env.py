"""Run Alembic against the database that ``DATABASE_URL`` names; no other setting is needed."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy.exc import DBAPIError

from config import DATABASE_URL, read_environment
from models.database.engine import open_writer
from models.tables import Base
from models.types import ExactLongText, ExactText, Json, OrderedText, UtcDateTime

# A migration must still run when the model has moved on, so it spells our types plainly.
PLAIN_TYPES = {
    ExactText: "sa.String({0.length})",
    OrderedText: 'sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")',
    ExactLongText: 'sa.Text().with_variant(mysql.LONGTEXT(), "mysql")',
    Json: 'sa.JSON().with_variant(mysql.LONGTEXT(), "mysql")',
    UtcDateTime: 'sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")',
}


def render_item(kind: str, value: Any, _: AutogenContext) -> str | Literal[False]:
    """Spell a column type of ours for autogenerate; leave anything else to Alembic."""
    if kind == "type" and type(value) in PLAIN_TYPES:
        return PLAIN_TYPES[type(value)].format(value)
    return False


def run_migrations(connection: sa.Connection) -> None:
    """Migrate over an open connection, each in a transaction where the database can."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_item=render_item,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=True,  # so that none holds the locks of all
    )
    with context.begin_transaction():
        context.run_migrations()


def connect_and_run() -> None:
    """Use the connection a caller hands over (``config.attributes``), else open one."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        run_migrations(connection)
        return
    engine = open_writer(DATABASE_URL.read(read_environment()), hang_seconds=None)
    try:
        connection = engine.connect()
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        raise SystemExit(f"DATABASE_URL: the database does not answer: {reason}") from None
    with connection:
        run_migrations(connection)
    engine.dispose()


connect_and_run()
