"""Make the tables, the indexes and the views.

No release rewrites this revision: 0.1.0 has it. A release runs beside the one before it while it is
deployed, so a later migration must suit both.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
INSTANT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql")
LONG_TEXT = sa.Text().with_variant(mysql.LONGTEXT, "mysql")
JSON = sa.JSON().with_variant(mysql.LONGTEXT, "mysql")
BYTES = sa.LargeBinary().with_variant(mysql.LONGBLOB, "mysql")
UUID_BYTES = (
    sa.Uuid().with_variant(sa.LargeBinary(), "sqlite").with_variant(mysql.BINARY(16), "mysql")
)
# In the order of code points, so that a range of an index holds the texts that begin alike.
ORDERED_ID = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
# Without a length on PostgreSQL: one of bytes it would be where a database has no encoding.
NAME_START = sa.String(64).with_variant(sa.Text(collation="C"), "postgresql")
FOLDED = sa.String(255).with_variant(sa.Text(collation="C"), "postgresql")

# How many rows are alike in the first, the first two, … columns of an index, of a million. SQLite
# plans without statistics until somebody runs ANALYZE, and then takes one equality for as good as
# another: of ``subject_type`` and ``owner`` it may choose the one that leads to half of all rows.
# Statistics made by hand are the way that its documentation names to fix plans
# (https://www.sqlite.org/queryplanner-ng.html#howtofix). The servers gather theirs by themselves.
ALIKE = {
    "deliveries": {
        "sqlite_autoindex_deliveries_1": "1 1",
        "ix_deliveries_verdict_received_at": "250000 1",
        "ix_deliveries_command_id_received_at": "50000 1",
        "ix_deliveries_sdk_app_id_received_at": "500000 1",
        "ix_deliveries_duplicate_of": "2",
    },
    "lifecycle_events": {
        "sqlite_autoindex_lifecycle_events_1": "1 1",
        "ix_lifecycle_events_delivery_id": "1",
        "ix_lifecycle_events_subject_type_occurred_at": "500000 1",
        "ix_lifecycle_events_subject_id_occurred_at": "50 1",
        "ix_lifecycle_events_subject_type_action_occurred_at": "500000 50000 1",
        "ix_lifecycle_events_operator_occurred_at": "1000 1",
        "ix_lifecycle_events_owner_occurred_at": "1000 1",
        "ix_lifecycle_events_sdk_app_id_occurred_at": "500000 1",
        "ix_lifecycle_events_subject_action": "500000 50 5 1 1",
    },
    "event_members": {
        "event_members": "5 1",
        "sqlite_autoindex_event_members_2": "1000 1 1",
        "ix_event_members_subject_id_user_id_occurred_at_event_id": "100 2 1 1",
    },
    "subjects": {
        "sqlite_autoindex_subjects_1": "500000 1 1",
        "ix_subjects_changed": "500000 200000 1 1",
        "ix_subjects_created": "500000 200000 1 1",
        "ix_subjects_ended": "500000 200000 2 1",
        "ix_subjects_name": "500000 20 1 1",
        "ix_subjects_owner": "500000 20 10 1 1",
        "ix_subjects_counted": "500000 200000 100000 30000",
    },
    "labels": {
        "sqlite_autoindex_labels_1": "3 3 2 1",
        "ix_labels_kind_folded_id": "300000 2 1",
    },
    "quarantined_requests": {
        "sqlite_autoindex_quarantined_requests_1": "1 1",
        "ix_quarantined_requests_received_at_id": "1 1",
        "ix_quarantined_requests_reason_sender_received_at_id": "200000 1000 1 1",
        "ix_quarantined_requests_reason_sdk_app_id_received_at_id": "200000 50000 1 1",
    },
    "readings": {
        "sqlite_autoindex_readings_1": "1 1",
        "ix_readings_holder_received_at": "50000 1",
        "ix_readings_subject_id_received_at": "50 1",
        "ix_readings_user_id_received_at": "50 1",
    },
}

# An index of what labels have within them; MariaDB and MySQL look through the labels themselves.
LABEL_GRAMS = {
    "sqlite": [
        "CREATE VIRTUAL TABLE label_grams"
        " USING fts5(grams, content='', columnsize=0, detail=none, tokenize='ascii')"
    ],
    "postgresql": [
        "CREATE TABLE label_grams (label_id bigint PRIMARY KEY, grams bigint[] NOT NULL)",
        "CREATE INDEX ix_label_grams_grams ON label_grams USING gin (grams)",
    ],
}

HISTORY = """
    SELECT id AS event_id, subject_id AS {subject_type}_id, occurred_at, action, operator, owner,
        name, platform, client_ip, details, sdk_app_id, received_at, delivery_id
    FROM lifecycle_events
    WHERE subject_type = '{subject_type}'
"""
MEMBERS_AT_END = """
    SELECT e.subject_id AS group_id, e.name, e.occurred_at AS destroyed_at, e.operator, e.owner,
        m.position, m.user_id, e.id AS event_id, e.sdk_app_id
    FROM lifecycle_events e JOIN event_members m ON m.event_id = e.id
    WHERE e.subject_type = 'group' AND e.action = 'destroyed'
"""
NOW = """
    SELECT subject_id AS {subject_type}_id, name, status, owner, group_type, created_at, changed_at,
        destroyed_at, life, sdk_app_id, created_event_id, last_event_id, destroyed_event_id
    FROM subjects
    WHERE subject_type = '{subject_type}'
"""
# What is said twice leads SQLite to the index of all but accepted ones.
# The kind of the first half is a column so that on MariaDB and MySQL all of it has its collation.
CALLBACK_PROBLEMS = """
    SELECT verdict AS kind, received_at, sdk_app_id, commands.name AS command,
        {errors} AS reason, peer, deliveries.id AS delivery_id, NULL AS quarantined_request_id
    FROM deliveries LEFT JOIN commands ON commands.id = command_id
    WHERE verdict = 'invalid' AND verdict <> 'accepted'
    UNION ALL
    SELECT 'refused', received_at, sdk_app_id, NULL, reason, peer, NULL, id
    FROM quarantined_requests
"""
VIEWS = {
    "channel_history": HISTORY.format(subject_type="channel"),
    "group_history": HISTORY.format(subject_type="group"),
    "channels_now": NOW.format(subject_type="channel").replace(" group_type,", ""),
    "groups_now": NOW.format(subject_type="group"),
    "members_at_end": MEMBERS_AT_END,
    "callback_problems": CALLBACK_PROBLEMS,
}
# Elsewhere it is text already.
ERRORS = {"postgresql": "CAST(errors AS TEXT)"}
# A reader of a view needs the tables too, but not the user that made the view, which may be gone
# after a restore.
SECURITY = {"mysql": "SQL SECURITY INVOKER"}


def upgrade() -> None:
    make_deliveries()
    make_events()
    make_subjects()
    make_labels()
    make_quarantine()
    make_readings()
    make_counts()
    make_ledger()
    if op.get_context().dialect.name == "sqlite":
        tell_sqlite_how_selective_indexes_are()
    make_views()


def make_deliveries() -> None:
    make_table(
        "commands",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.UniqueConstraint("name", name="uq_commands_name"),
    )
    make_large_table(
        "deliveries",
        sa.Column("id", ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("uuid", UUID_BYTES, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("duplicate_of", sa.BigInteger),
        sa.Column("reverified_at", INSTANT),
        sa.Column("imported_at", INSTANT),
        sa.Column("unstored_bytes", sa.Integer),
        sa.Column("command_id", sa.Integer),
        sa.Column("sdk_app_id", sa.String(32), nullable=False),
        sa.Column("verdict", sa.String(32), nullable=False),
        sa.Column("errors", JSON),
        sa.Column("peer", LONG_TEXT, nullable=False),
        sa.Column("query_string", LONG_TEXT, nullable=False),
        sa.Column("body", BYTES, nullable=False),
        key=("received_at", "uuid"),
        months_of="received_at",
    )
    make_index("deliveries", "duplicate_of", of="duplicate_of IS NOT NULL")
    make_index("deliveries", "verdict", "received_at", of="verdict <> 'accepted'")
    for column in ("command_id", "sdk_app_id"):
        make_index("deliveries", column, "received_at")
    if op.get_context().dialect.name == "mysql":
        make_index("deliveries", "received_at")  # the unique key has rows of an instant in no order


def make_events() -> None:
    make_large_table(
        "lifecycle_events",
        sa.Column("id", ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("delivery_id", sa.BigInteger, nullable=False),
        sa.Column("event_key", UUID_BYTES, nullable=False),
        sa.Column("occurred_at", INSTANT, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("event_time", sa.BigInteger),
        sa.Column("subject_type", sa.String(32), nullable=False),
        sa.Column("subject_id", ORDERED_ID, nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("sdk_app_id", sa.String(32), nullable=False),
        sa.Column("operator", sa.String(255)),
        sa.Column("owner", sa.String(255)),
        sa.Column("name", LONG_TEXT),
        sa.Column("client_ip", LONG_TEXT),
        sa.Column("platform", LONG_TEXT),
        sa.Column("details", JSON, nullable=False),
        key=("occurred_at", "event_key"),
        months_of="occurred_at",
    )
    make_index("lifecycle_events", "delivery_id")
    make_index("lifecycle_events", "subject_type", "action", "occurred_at")
    for column in ("subject_type", "subject_id", "operator", "owner", "sdk_app_id"):
        make_index("lifecycle_events", column, "occurred_at")
    if op.get_context().dialect.name == "mysql":
        make_index("lifecycle_events", "occurred_at")
    op.create_index(
        "ix_lifecycle_events_subject_action",
        "lifecycle_events",
        ["subject_type", "subject_id", "action", "occurred_at", "id"],
    )
    make_large_table(
        "event_members",
        sa.Column("event_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("occurred_at", INSTANT, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("user_id", sa.String(255), primary_key=True),
        sa.Column("subject_id", ORDERED_ID, nullable=False),
        key=("user_id", "occurred_at", "event_id"),
        months_of="occurred_at",
        sqlite_with_rowid=False,
    )
    make_index("event_members", "subject_id", "user_id", "occurred_at", "event_id")


def make_subjects() -> None:
    make_table(
        "subjects",
        sa.Column("subject_type", sa.String(32), primary_key=True),
        sa.Column("subject_id", ORDERED_ID, primary_key=True),
        sa.Column("sdk_app_id", sa.String(32), primary_key=True),
        sa.Column("life", sa.Integer, nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("name", LONG_TEXT),
        sa.Column("name_start", NAME_START, nullable=False),
        sa.Column("owner", sa.String(255)),
        sa.Column("group_type", sa.String(255)),
        sa.Column("created_at", INSTANT),
        sa.Column("created_event_id", sa.BigInteger),
        sa.Column("destroyed_at", INSTANT),
        sa.Column("destroyed_event_id", sa.BigInteger),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("last_event_id", sa.BigInteger, nullable=False),
        sa.Column("last_received_at", INSTANT, nullable=False),
        sa.Column("fields", JSON, nullable=False),
    )
    for name, *columns in (
        ("changed", "status", "changed_at", "last_event_id"),
        ("created", "status", "created_at", "created_event_id"),
        ("ended", "status", "destroyed_at", "destroyed_event_id"),
        ("name", "name_start", "subject_id", "sdk_app_id"),
        ("owner", "owner", "status", "changed_at", "last_event_id"),
        ("counted", "status", "sdk_app_id", "group_type"),
    ):
        op.create_index(f"ix_subjects_{name}", "subjects", ["subject_type", *columns])


def make_labels() -> None:
    make_table(
        "labels",
        sa.Column("id", ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("sdk_app_id", sa.String(32), nullable=False),
        sa.Column("holder_id", ORDERED_ID, nullable=False),
        sa.Column("folded", FOLDED, nullable=False),
        sa.UniqueConstraint(
            "holder_id",
            "kind",
            "sdk_app_id",
            "folded",
            name="uq_labels_holder_id_kind_sdk_app_id_folded",
        ),
    )
    make_index("labels", "kind", "folded", "id")
    for statement in LABEL_GRAMS.get(op.get_context().dialect.name, ()):
        op.execute(statement)


def make_quarantine() -> None:
    make_table(
        "quarantined_requests",
        sa.Column("id", ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("uuid", sa.Uuid, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("sdk_app_id", sa.String(32)),
        sa.Column("sender", sa.String(255), nullable=False),
        sa.Column("peer", LONG_TEXT, nullable=False),
        sa.Column("query_string", LONG_TEXT, nullable=False),
        sa.Column("body", BYTES, nullable=False),
        sa.Column("body_bytes", sa.BigInteger),
        sa.UniqueConstraint("received_at", "uuid", name="uq_quarantined_requests_received_at_uuid"),
    )
    make_index("quarantined_requests", "received_at", "id")
    make_index("quarantined_requests", "reason", "sender", "received_at", "id")
    make_index("quarantined_requests", "reason", "sdk_app_id", "received_at", "id")


def make_readings() -> None:
    make_table(
        "readings",
        sa.Column("id", ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("uuid", sa.Uuid, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("holder", sa.String(255), nullable=False),
        sa.Column("sign_in", sa.String(32), nullable=False),
        sa.Column("address", LONG_TEXT, nullable=False),
        sa.Column("subject_id", sa.String(255)),
        sa.Column("user_id", sa.String(255)),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("peer", LONG_TEXT, nullable=False),
        sa.Column("request_id", LONG_TEXT, nullable=False),
        sa.UniqueConstraint("received_at", "uuid", name="uq_readings_received_at_uuid"),
    )
    make_index("readings", "holder", "received_at")
    make_index("readings", "subject_id", "received_at")
    make_index("readings", "user_id", "received_at")


def make_counts() -> None:
    make_table(
        "minute_counts",
        sa.Column("minute", INSTANT, primary_key=True),
        sa.Column("measure", sa.String(32), primary_key=True),
        sa.Column("sdk_app_id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("verdict", sa.String(32), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    make_table(
        "hour_counts",
        sa.Column("hour", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sdk_app_id", sa.String(32), primary_key=True),
        sa.Column("word", sa.String(32), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.Column("minutes", sa.BigInteger, nullable=False),
    )
    make_table(
        "total_counts",
        sa.Column("measure", sa.String(32), primary_key=True),
        sa.Column("sdk_app_id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("verdict", sa.String(32), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    make_table(
        "lost_callbacks",
        sa.Column("uuid", sa.Uuid, primary_key=True),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("sdk_app_id", sa.String(32), nullable=False),
    )
    make_table(
        "differences",
        sa.Column("command", sa.String(255), primary_key=True),
        sa.Column("field", sa.String(255), primary_key=True),
        sa.Column("seen", sa.String(32), primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("first_seen", INSTANT, nullable=False),
        sa.Column("last_seen", INSTANT, nullable=False),
        sa.Column("sample_delivery_id", sa.BigInteger, nullable=False),
    )


def make_ledger() -> None:
    ledger = make_table(
        "ledger",
        sa.Column("id", ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("next_delivery_id", sa.BigInteger, nullable=False),
        sa.Column("next_event_id", sa.BigInteger, nullable=False),
        sa.Column("next_request_id", sa.BigInteger, nullable=False),
        sa.Column("next_reading_id", sa.BigInteger, nullable=False),
        sa.Column("followed_event_id", sa.BigInteger, nullable=False),
        sa.Column("kept_since", INSTANT, nullable=False),
        sa.Column("unhandled_kept_since", INSTANT, nullable=False),
    )
    numbers = ("next_delivery_id", "next_event_id", "next_request_id", "next_reading_id")
    never = datetime(1970, 1, 1, tzinfo=UTC)
    kept = {"kept_since": never, "unhandled_kept_since": never}
    first = {"id": 1, **dict.fromkeys(numbers, 1), "followed_event_id": 0, **kept}
    op.bulk_insert(ledger, [first])
    make_table(
        "journal_marks",
        sa.Column("segment", sa.String(64), primary_key=True),
        sa.Column("recorded_bytes", sa.BigInteger, nullable=False),
    )
    make_table(
        "service_events",
        sa.Column("uuid", sa.Uuid, primary_key=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("process", sa.String(255), nullable=False),
        sa.Column("details", JSON, nullable=False),
    )
    make_index("service_events", "at")


def tell_sqlite_how_selective_indexes_are() -> None:
    op.execute("ANALYZE sqlite_schema")  # makes the table for them
    op.execute("DELETE FROM sqlite_stat1")
    for table, indexes in ALIKE.items():
        for index, alike in indexes.items():
            op.execute(f"INSERT INTO sqlite_stat1 VALUES ('{table}', '{index}', '1000000 {alike}')")  # noqa: S608


def make_views() -> None:
    dialect = op.get_context().dialect.name
    for name, query in VIEWS.items():
        columns = query.format(errors=ERRORS.get(dialect, "errors"))
        op.execute(f"CREATE {SECURITY.get(dialect, '')} VIEW {name} AS {columns}")


def downgrade() -> None:
    for view in VIEWS:
        op.execute(f"DROP VIEW {view}")
    if op.get_context().dialect.name in LABEL_GRAMS:
        op.drop_table("label_grams")
    for table in (
        "service_events",
        "journal_marks",
        "ledger",
        "differences",
        "lost_callbacks",
        "total_counts",
        "hour_counts",
        "minute_counts",
        "readings",
        "quarantined_requests",
        "labels",
        "subjects",
        "event_members",
        "lifecycle_events",
        "deliveries",
        "commands",
    ):
        op.drop_table(table)


def make_large_table(
    name: str, *columns: sa.Column[Any], key: tuple[str, ...], months_of: str, **options: Any
) -> None:
    """Make a table whose months may be partitions on PostgreSQL.

    Args:
        key: the second key. There, all keys include the time, so it is the first one, and an index
            leads to the IDs.
        months_of: the column whose month counts.
    """
    if op.get_context().dialect.name != "postgresql":
        second = sa.UniqueConstraint(*key, name="_".join(("uq", name, *key)))
        make_table(name, *columns, second, **options)
        return
    ids = [column for column in columns if column.primary_key]
    for column in ids:
        column.primary_key = False
    first = sa.PrimaryKeyConstraint(*key, name=f"pk_{name}")
    make_table(name, *columns, first, postgresql_partition_by=f"RANGE ({months_of})")
    op.execute(f"CREATE TABLE {name}_rest PARTITION OF {name} DEFAULT")
    make_index(name, *(column.name for column in ids))


def make_table(name: str, *columns: sa.schema.SchemaItem, **options: Any) -> sa.Table:
    """Make a table whose texts compare by code point, trailing spaces included.

    In a large table, columns of a fixed length come first: PostgreSQL pads what is before them.

    SQLite and PostgreSQL do so by themselves. MariaDB and MySQL name the collation that does
    differently, and their plain ``utf8mb4_bin`` ignores trailing spaces.
    """
    dialect = op.get_context().dialect
    if dialect.name == "mysql":
        is_mariadb = getattr(dialect, "is_mariadb", False)
        collation = "utf8mb4_nopad_bin" if is_mariadb else "utf8mb4_0900_bin"
        options |= {
            "mysql_engine": "InnoDB",
            "mysql_charset": "utf8mb4",
            "mysql_collate": collation,
        }
    table: sa.Table = op.create_table(name, *columns, **options)
    return table


def make_index(table: str, *columns: str, of: str | None = None) -> None:
    """Make an index, of some rows where the database can."""
    rows = None if of is None else sa.text(of)
    name = "_".join(("ix", table, *columns))
    op.create_index(name, table, columns, sqlite_where=rows, postgresql_where=rows)
