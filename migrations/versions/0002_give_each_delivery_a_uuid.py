"""Give each delivery a UUID, so that one whose commit was in doubt is not stored twice.

A release runs beside the one before it while it is deployed: this must suit both. The release
before stores none, hence the column may be empty.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("uuid", sa.Uuid))
    op.create_index("ix_deliveries_uuid", "deliveries", ["uuid"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_deliveries_uuid", "deliveries")
    op.drop_column("deliveries", "uuid")
