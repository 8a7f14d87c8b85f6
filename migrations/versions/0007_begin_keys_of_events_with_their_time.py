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
    "postgresql": "lpad(to_hex(coalesce(one.event_time, 0)), 14, '0')",
    "mysql": "lpad(lower(hex(coalesce(event_time, 0))), 14, '0')",
}
# One that begins with its time has been here before. If it is here twice, as a release before has
# taken a repeat for a new event meanwhile, the second keeps its old key.
UPDATE = {
    "sqlite": """UPDATE OR IGNORE lifecycle_events
        SET event_key = {time} || substr(event_key, 1, 50)
        WHERE substr(event_key, 1, 14) <> {time}""",
    "postgresql": """UPDATE lifecycle_events AS one
        SET event_key = {time} || substr(one.event_key, 1, 50)
        WHERE substr(one.event_key, 1, 14) <> {time} AND NOT EXISTS (
            SELECT 1 FROM lifecycle_events AS known
            WHERE known.event_key = {time} || substr(one.event_key, 1, 50)
            AND known.occurrence = one.occurrence)""",
    "mysql": """UPDATE IGNORE lifecycle_events
        SET event_key = concat({time}, substr(event_key, 1, 50))
        WHERE substr(event_key, 1, 14) <> {time}""",
}


def upgrade() -> None:
    dialect = op.get_context().dialect.name
    op.execute(UPDATE[dialect].format(time=TIME[dialect]))


def downgrade() -> None:
    """Leave the keys, as half a digest can't be made whole.

    The release before tells events apart by them, but takes a repeat of one for a new event.
    """
