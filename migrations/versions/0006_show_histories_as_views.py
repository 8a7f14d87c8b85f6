"""Show histories, last members and problems as views, for those who read with SQL.

A release runs beside the one before it while it is deployed: this must suit both. Neither of them
reads a view. Columns stay as they are stored, so that indexes serve whoever filters by them; times
too, hence on PostgreSQL they are printed in the zone of the session.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

HISTORY = """
    SELECT id AS event_id, subject_id AS {subject_type}_id, occurred_at, action, operator, owner,
        name, platform, client_ip, details, sdk_app_id, received_at, command, delivery_id
    FROM lifecycle_events
    WHERE subject_type = '{subject_type}'
"""
MEMBERS_AT_END = """
    SELECT e.subject_id AS group_id, e.name, e.occurred_at AS destroyed_at, e.operator, e.owner,
        m.position, m.user_id, e.id AS event_id, e.sdk_app_id
    FROM lifecycle_events e JOIN event_members m ON m.event_id = e.id
    WHERE e.subject_type = 'group' AND e.action = 'destroyed'
"""
# The kind of the first half is a column so that on MariaDB and MySQL all of it has its collation.
CALLBACK_PROBLEMS = """
    SELECT verdict AS kind, received_at, sdk_app_id, command, {errors} AS reason, peer,
        query_string, id AS delivery_id, NULL AS quarantined_request_id
    FROM deliveries
    WHERE verdict = 'invalid'
    UNION ALL
    SELECT 'refused', received_at, NULL, NULL, reason, peer, query_string, NULL, id
    FROM quarantined_requests
"""
VIEWS = {
    "channel_history": HISTORY.format(subject_type="channel"),
    "group_history": HISTORY.format(subject_type="group"),
    "members_at_end": MEMBERS_AT_END,
    "callback_problems": CALLBACK_PROBLEMS,
}
# Elsewhere it is text already.
ERRORS = {"postgresql": "CAST(errors AS TEXT)"}
# Whoever reads a view there needs the tables too, but not the user who made it, who may be gone
# after a restore.
SECURITY = {"mysql": "SQL SECURITY INVOKER"}


def upgrade() -> None:
    dialect = op.get_context().dialect.name
    for name, query in VIEWS.items():
        columns = query.format(errors=ERRORS.get(dialect, "errors"))
        op.execute(f"CREATE {SECURITY.get(dialect, '')} VIEW {name} AS {columns}")


def downgrade() -> None:
    for name in VIEWS:
        op.execute(f"DROP VIEW {name}")
