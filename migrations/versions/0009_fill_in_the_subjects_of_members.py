"""Fill in the subjects of members: for minutes, if there are millions.

A release runs beside the one before it while it is deployed: both suit both revisions. Readers
don't notice. Callbacks go on where a database locks rows alone; on SQLite they wait in the spool.
"""

from alembic import op

revision = "0009"
down_revision = "0008"

FILL = """UPDATE event_members SET subject_id =
    (SELECT subject_id FROM lifecycle_events WHERE id = event_members.event_id)
    WHERE subject_id IS NULL"""


def upgrade() -> None:
    op.execute(FILL)


def downgrade() -> None:
    """Leave them, as 0008 takes their column away."""
