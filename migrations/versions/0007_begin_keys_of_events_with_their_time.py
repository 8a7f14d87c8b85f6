"""Begin the keys of events with their time, so that new ones share a page of their index.

Digests alone fall anywhere: with ten million events, each new one had another page of the index
read from disk. Rows are written anew, for minutes if there are millions; callbacks wait in the
spool meanwhile.

A release runs beside the one before it while it is deployed. What that one still stores has the
old kind of key, so should Tencent deliver it once more, the repeat is taken for a new event: reload
right after this.
"""

from alembic import op

revision = "0007"
down_revision = "0006"

TIME = {  # 14 digits, zeros where Tencent sent none
    "sqlite": "printf('%014x', coalesce(event_time, 0))",
    "postgresql": "lpad(to_hex(coalesce(event_time, 0)), 14, '0')",
    "mysql": "lpad(lower(hex(coalesce(event_time, 0))), 14, '0')",
}


def upgrade() -> None:
    dialect = op.get_context().dialect.name
    time = TIME[dialect]
    key = f"{time} || substr(event_key, 1, 50)"
    if dialect == "mysql":
        key = f"concat({time}, substr(event_key, 1, 50))"
    # One that begins so has been here before: there is no way back from half a digest.
    op.execute(
        f"UPDATE lifecycle_events SET event_key = {key} "  # noqa: S608
        f"WHERE substr(event_key, 1, 14) <> {time}"
    )


def downgrade() -> None:
    """Leave the keys as they are: they still tell events apart."""
