"""Keep the IDs of subjects in the order of their code points on PostgreSQL, as elsewhere.

The languages that a database may be made for order texts otherwise, so no range of an index held
the IDs that begin alike. The indexes of the column are made anew; callbacks wait in the spool
meanwhile. Both this release and the one before suit both orders.
"""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    order_by("C")


def downgrade() -> None:
    order_by("default")


def order_by(collation: str) -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            "ALTER TABLE lifecycle_events "
            f'ALTER COLUMN subject_id TYPE varchar(255) COLLATE "{collation}"'
        )
