"""Give each member a place for the ID of its subject, which 0009 fills in.

A release runs beside the one before it while it is deployed: this must suit both. The release
before stores no ``subject_id``, hence the column may be empty. It is added in a transaction of its
own, as that keeps everybody from the table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    by_code_point = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
    op.add_column("event_members", sa.Column("subject_id", by_code_point))


def downgrade() -> None:
    op.drop_column("event_members", "subject_id")
