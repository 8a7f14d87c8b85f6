"""Store the members of events, thousands of them in one statement of each database.

As separate rows they cost more to send than to store. Time and subject are those of the event.
"""

from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa

from models.text import dump_json, escape_text

MAX_MEMBERS = 20_000  # per statement, unless one event has more

INSERT = {
    "sqlite": """
        INSERT INTO event_members (event_id, user_id, position, occurred_at, subject_id)
        SELECT id, ?, ?, occurred_at, subject_id FROM lifecycle_events WHERE id = ?
    """,
    "postgresql": """
        INSERT INTO event_members (event_id, user_id, position, occurred_at, subject_id)
        SELECT event.id, listed.id, listed.place - 1, event.occurred_at, event.subject_id
        FROM json_each(CAST(:members AS json)) AS one (id, members)
        JOIN lifecycle_events AS event ON event.id = CAST(one.id AS bigint),
            json_array_elements_text(one.members) WITH ORDINALITY AS listed (id, place)
    """,
    "mysql": """
        INSERT INTO event_members (event_id, user_id, position, occurred_at, subject_id)
        SELECT event.id, listed.id, listed.place - 1, event.occurred_at, event.subject_id
        FROM JSON_TABLE(:members, '$[*]' COLUMNS (event_id BIGINT PATH '$[0]',
            NESTED PATH '$[1][*]' COLUMNS (
                place FOR ORDINALITY,
                id VARCHAR(255) CHARACTER SET utf8mb4 PATH '$' ERROR ON ERROR
            ))) AS listed
        JOIN lifecycle_events AS event ON event.id = listed.event_id
    """,
}


def insert_members(connection: sa.Connection, members: Mapping[int, Sequence[str]]) -> None:
    """Store the users that stored events name, by the ID of the event, each once and in order."""
    dialect = connection.dialect.name
    for part in split(members):
        if dialect == "sqlite":
            rows = [(one, place, event) for event in part for place, one in enumerate(part[event])]
            connection.exec_driver_sql(INSERT[dialect], rows)
        else:
            text = dump_json(part if dialect == "postgresql" else [*part.items()])
            connection.execute(sa.text(INSERT[dialect]), {"members": text})


def split(members: Mapping[int, Sequence[str]]) -> Iterator[dict[int, list[str]]]:
    """Split members into statements that are small enough for a server, and escape them."""
    part: dict[int, list[str]] = {}
    size = 0
    for event, ids in members.items():
        if part and size + len(ids) > MAX_MEMBERS:
            yield part
            part, size = {}, 0
        if ids:
            part[event] = [escape_text(one) for one in ids]
            size += len(ids)
    if part:
        yield part
