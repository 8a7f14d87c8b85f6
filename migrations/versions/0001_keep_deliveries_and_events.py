"""Keep deliveries, the events read from them, and what was refused.

A release runs beside the one before it while it is deployed: this must suit both.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
LONG_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql")
JSON = sa.JSON().with_variant(mysql.LONGTEXT(), "mysql")
BYTES = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql")
INSTANT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")


def upgrade() -> None:
    exact = exact_text_options()
    op.create_table(
        "deliveries",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("sdk_app_id", sa.String(32), nullable=False),
        sa.Column("command", sa.String(255)),
        sa.Column("verdict", sa.String(32), nullable=False),
        sa.Column("errors", JSON),
        sa.Column("duplicate_of", ROW_ID),
        sa.Column("peer", LONG_TEXT, nullable=False),
        sa.Column("query_string", LONG_TEXT, nullable=False),
        sa.Column("body", BYTES, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(
            ["duplicate_of"], ["deliveries.id"], name="fk_deliveries_duplicate_of"
        ),
        sqlite_autoincrement=True,
        **exact,
    )
    create_index("deliveries", "duplicate_of")
    create_index("deliveries", "received_at", "id")
    for column in ("verdict", "command", "sdk_app_id"):
        create_index("deliveries", column, "received_at", "id")
    op.create_table(
        "lifecycle_events",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("delivery_id", ROW_ID, nullable=False),
        sa.Column("event_key", sa.String(64), nullable=False),
        sa.Column("occurrence", sa.Integer, nullable=False),
        sa.Column("subject_type", sa.String(32), nullable=False),
        sa.Column("subject_id", sa.String(255), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("command", sa.String(255), nullable=False),
        sa.Column("sdk_app_id", sa.String(32), nullable=False),
        sa.Column("operator", sa.String(255)),
        sa.Column("owner", sa.String(255)),
        sa.Column("name", LONG_TEXT),
        sa.Column("occurred_at", INSTANT, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("event_time", sa.BigInteger),
        sa.Column("client_ip", LONG_TEXT),
        sa.Column("platform", LONG_TEXT),
        sa.Column("details", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_lifecycle_events"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name="fk_lifecycle_events_delivery_id"
        ),
        sa.UniqueConstraint("delivery_id", name="uq_lifecycle_events_delivery_id"),
        sa.UniqueConstraint(
            "event_key", "occurrence", name="uq_lifecycle_events_event_key_occurrence"
        ),
        sqlite_autoincrement=True,
        **exact,
    )
    create_index("lifecycle_events", "occurred_at", "id")
    for column in ("subject_type", "subject_id", "action", "operator", "owner", "sdk_app_id"):
        create_index("lifecycle_events", column, "occurred_at", "id")
    op.create_table(
        "event_members",
        sa.Column("event_id", ROW_ID, nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("occurred_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("event_id", "user_id", name="pk_event_members"),
        sa.ForeignKeyConstraint(
            ["event_id"], ["lifecycle_events.id"], name="fk_event_members_event_id"
        ),
        **exact,
    )
    create_index("event_members", "user_id", "occurred_at", "event_id")
    op.create_table(
        "quarantined_requests",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("peer", LONG_TEXT, nullable=False),
        sa.Column("query_string", LONG_TEXT, nullable=False),
        sa.Column("body", BYTES, nullable=False),
        sa.Column("body_bytes", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_quarantined_requests"),
        sqlite_autoincrement=True,
        **exact,
    )
    create_index("quarantined_requests", "received_at", "id")


def downgrade() -> None:
    for table in ("quarantined_requests", "event_members", "lifecycle_events", "deliveries"):
        op.drop_table(table)


def exact_text_options() -> dict[str, Any]:
    """Make every text of a table compare by code point, trailing spaces included.

    SQLite and PostgreSQL do so by themselves. MariaDB and MySQL name the collation that does
    differently, and their plain ``utf8mb4_bin`` ignores trailing spaces.
    """
    dialect = op.get_context().dialect
    if dialect.name != "mysql":
        return {}
    collation = "utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_0900_bin"
    return {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": collation}


def create_index(table: str, *columns: str) -> None:
    op.create_index("_".join(("ix", table, *columns)), table, columns)
