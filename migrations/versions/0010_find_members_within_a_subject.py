"""Find the events of one subject that name a user, by an index that leads to them alone.

A release runs beside the one before it while it is deployed: both suit both revisions. Callbacks
wait in the spool while the index is made.
"""

from alembic import op

revision = "0010"
down_revision = "0009"

INDEX = "ix_event_members_subject_id_user_id_occurred_at_event_id"
# What 0004 tells of the others.
ALIKE = f"INSERT INTO sqlite_stat1 VALUES ('event_members', '{INDEX}', '1000000 100 2 1 1')"  # noqa: S608


def upgrade() -> None:
    op.create_index(INDEX, "event_members", ["subject_id", "user_id", "occurred_at", "event_id"])
    if op.get_context().dialect.name == "sqlite":
        op.execute(ALIKE)


def downgrade() -> None:
    op.drop_index(INDEX, "event_members")
