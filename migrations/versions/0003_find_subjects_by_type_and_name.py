"""Find the channels or the groups among all subjects, also by what their names begin with.

A release runs beside the one before it while it is deployed: this must suit both. The release
before writes no ``name_start``, hence the database works it out. On PostgreSQL that writes the
table anew; callbacks wait in the spool meanwhile.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

BY_ACTION = "ix_lifecycle_events_subject_action"
BY_NAME = "ix_lifecycle_events_subject_name"


def upgrade() -> None:
    by_code_point = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
    stored = op.get_context().dialect.name == "postgresql" or None  # else it has no index
    start = sa.Computed("substr(name, 1, 64)", persisted=stored)
    op.add_column("lifecycle_events", sa.Column("name_start", by_code_point, start))
    op.create_index(
        BY_ACTION,
        "lifecycle_events",
        ["subject_type", "subject_id", "action", "occurred_at", "id"],
    )
    op.create_index(BY_NAME, "lifecycle_events", ["subject_type", "name_start", "subject_id"])


def downgrade() -> None:
    op.drop_index(BY_NAME, "lifecycle_events")
    op.drop_index(BY_ACTION, "lifecycle_events")
    op.drop_column("lifecycle_events", "name_start")
