"""Run Alembic against the database that ``DATABASE_URL`` names; no other setting is needed."""

import logging
import time
from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext

from config import read_environment
from config.declared import DATABASE_URL
from models.database.connection import NotReadyError
from models.database.engine import PATIENCE, connect_to_migrate
from models.database.months import COLUMNS, is_partition
from models.database.revision import check_text, fetch_newer
from models.tables import Base
from models.types import (
    CompactUuid,
    ExactLongText,
    ExactText,
    Json,
    OrderedText,
    UtcDateTime,
    Word,
)

# A migration must still run when the models have changed, so it spells out our types.
PLAIN_TYPES = {
    Word: "sa.String({0.length})",
    ExactText: "sa.String({0.length})",
    OrderedText: 'sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")',
    ExactLongText: 'sa.Text().with_variant(mysql.LONGTEXT(), "mysql")',
    CompactUuid: (
        'sa.Uuid().with_variant(sa.LargeBinary(), "sqlite").with_variant(mysql.BINARY(16), "mysql")'
    ),
    Json: 'sa.JSON().with_variant(mysql.LONGTEXT(), "mysql")',
    UtcDateTime: 'sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")',
}
# The lock ends with the connection. On SQLite, a connection to migrate has the file to itself.
TAKE_TURN = {
    "postgresql": sa.text("SELECT pg_try_advisory_lock(hashtext('alembic_version'))"),
    "mysql": sa.text("SELECT get_lock(sha1(database()), 0)"),
}
POLL_SECONDS = 0.05
log = logging.getLogger("migrations")
# Indexes of one database: by time on MariaDB and MySQL, by ID on PostgreSQL.
OF_ONE = {
    "ix_deliveries_received_at",
    "ix_lifecycle_events_occurred_at",
    "ix_deliveries_id",
    "ix_lifecycle_events_id",
    "ix_event_members_event_id_user_id",
}


def render_item(kind: str, value: Any, _: AutogenContext) -> str | Literal[False]:
    """Render one of our column types for autogenerate; leave anything else to Alembic."""
    if kind == "type" and type(value) in PLAIN_TYPES:
        return PLAIN_TYPES[type(value)].format(value)
    return False


def is_ours(name: str | None, kind: str, _: object) -> bool:
    """Leave out what only some databases have and no model: some tables and some indexes."""
    is_table = str(name).startswith("label_grams") or is_partition(str(name))
    return not is_table and name not in OF_ONE


def is_no_key_of_months(item: Any, _: str | None, kind: str, *__: object) -> bool:
    """Leave out the second keys of partitioned tables, which are the first ones there."""
    return kind != "unique_constraint" or item.table.name not in COLUMNS


def wait_for_turn(connection: sa.Connection) -> None:
    """Keep others from migrating the same database as long as this connection is open.

    Raises:
        NotReadyError: another one migrates it, and takes too long.
    """
    take_turn = TAKE_TURN.get(connection.dialect.name)
    patience = context.config.attributes.get("patience", PATIENCE)
    deadline = time.monotonic() + patience.total_seconds()
    while take_turn is not None and not connection.scalar(take_turn):
        if time.monotonic() > deadline:
            raise NotReadyError("the database is being migrated by another process")
        time.sleep(POLL_SECONDS)


def run_migrations(connection: sa.Connection) -> None:
    """Migrate over an open connection, each revision in a transaction if the database can.

    A database that a newer release has migrated is left as it is, so that one can go back to this.

    Raises:
        NotReadyError: the database cannot hold all that is sent.
    """
    wait_for_turn(connection)
    check_text(connection)
    newer = fetch_newer(connection)
    connection.commit()
    if newer is not None:
        log.warning("a newer release has migrated the database to revision %s", newer)
        return
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_item=render_item,
        include_name=is_ours,
        include_object=is_no_key_of_months if connection.dialect.name == "postgresql" else None,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=True,  # so that no transaction holds the locks of all
    )
    with context.begin_transaction():
        context.run_migrations()


def connect_and_run() -> None:
    """Use the connection that a caller passes (``config.attributes``), or else open one."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        run_migrations(connection)
        return
    try:
        with connect_to_migrate(DATABASE_URL.read(read_environment())) as connection:
            run_migrations(connection)
    except NotReadyError as fault:
        raise SystemExit(str(fault)) from None


connect_and_run()
