"""Tell SQLite how selective its indexes are.

SQLite plans without statistics until somebody runs ANALYZE, and then takes one equality for as good
as another: of ``subject_type`` and ``owner`` it may choose the one that leads to half of all rows.
Statistics made by hand are the way that its documentation names to fix plans
(https://www.sqlite.org/queryplanner-ng.html#howtofix). PostgreSQL, MariaDB and MySQL gather theirs
by themselves.

Each number says how many rows are alike in the first, the first two, … columns of an index, of a
million.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

ALIKE = {
    "deliveries": {
        "ix_deliveries_received_at_id": "1 1",
        "ix_deliveries_verdict_received_at_id": "250000 1 1",
        "ix_deliveries_command_received_at_id": "50000 1 1",
        "ix_deliveries_sdk_app_id_received_at_id": "500000 1 1",
        "ix_deliveries_uuid": "1",
        "ix_deliveries_duplicate_of": "2",
    },
    "lifecycle_events": {
        "sqlite_autoindex_lifecycle_events_1": "1",
        "sqlite_autoindex_lifecycle_events_2": "2 1",
        "ix_lifecycle_events_occurred_at_id": "1 1",
        "ix_lifecycle_events_subject_type_occurred_at_id": "500000 1 1",
        "ix_lifecycle_events_subject_id_occurred_at_id": "50 1 1",
        "ix_lifecycle_events_action_occurred_at_id": "100000 1 1",
        "ix_lifecycle_events_operator_occurred_at_id": "1000 1 1",
        "ix_lifecycle_events_owner_occurred_at_id": "1000 1 1",
        "ix_lifecycle_events_sdk_app_id_occurred_at_id": "500000 1 1",
        "ix_lifecycle_events_subject_action": "500000 50 5 1 1",
        "ix_lifecycle_events_subject_name": "500000 500 25",
    },
    "event_members": {
        "sqlite_autoindex_event_members_1": "5 1",
        "ix_event_members_user_id_occurred_at_event_id": "1000 1 1",
    },
    "quarantined_requests": {"ix_quarantined_requests_received_at_id": "1 1"},
}


def upgrade() -> None:
    if op.get_context().dialect.name != "sqlite":
        return
    op.execute("ANALYZE sqlite_schema")  # makes the table for them
    for table, indexes in ALIKE.items():
        for index, alike in indexes.items():  # what somebody has measured stays
            op.execute(
                f"INSERT INTO sqlite_stat1 SELECT '{table}', '{index}', '1000000 {alike}' "  # noqa: S608
                f"WHERE NOT EXISTS (SELECT 1 FROM sqlite_stat1 WHERE idx = '{index}')"
            )


def downgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        tables = ", ".join(f"'{table}'" for table in ALIKE)
        op.execute(f"DELETE FROM sqlite_stat1 WHERE tbl IN ({tables})")  # noqa: S608
