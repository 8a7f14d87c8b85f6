"""Find the events of one subject that name a user, by an index that leads to them alone.

A release runs beside the one before it while it is deployed: this must suit both. The release
before stores no ``subject_id``, hence the column may be empty. Members are written anew, for
minutes if there are millions; callbacks wait in the spool meanwhile.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

INDEX = "ix_event_members_subject_id_user_id_occurred_at_event_id"
FILL = """UPDATE event_members SET subject_id =
    (SELECT subject_id FROM lifecycle_events WHERE id = event_members.event_id)"""
# What 0004 tells of the others.
ALIKE = f"INSERT INTO sqlite_stat1 VALUES ('event_members', '{INDEX}', '1000000 100 2 1 1')"  # noqa: S608


def upgrade() -> None:
    by_code_point = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
    op.add_column("event_members", sa.Column("subject_id", by_code_point))
    op.execute(FILL)
    op.create_index(INDEX, "event_members", ["subject_id", "user_id", "occurred_at", "event_id"])
    if op.get_context().dialect.name == "sqlite":
        op.execute(ALIKE)


def downgrade() -> None:
    op.drop_index(INDEX, "event_members")
    op.drop_column("event_members", "subject_id")
