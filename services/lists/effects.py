"""What the events of a list did: the name of their subject at that time, and what they changed."""

from collections.abc import Sequence
from itertools import groupby

import sqlalchemy as sa

from models.vocabulary import Action
from services.reading.pages import IDS, Row, Rows
from services.subjects.events import COLUMNS, STREAMED, TABLE
from services.subjects.lives import FIELDS, Event, follow_lives

# Of all callbacks only these report fields, but for the type of a group. The rest, such as a
# hundred thousand members who joined, is not read to learn a name.
TELLING = (Action.CREATED, Action.PROFILE_CHANGED, Action.OWNER_CHANGED, Action.DESTROYED)
TOLD = [field for field in FIELDS.values() if field != "group_type"]
EVENTS = sa.select(
    *TABLE.c["subject_type", "subject_id", "received_at"],
    *(column.label(name) for name, column in zip(Event._fields, COLUMNS, strict=True)),
)


def add_effects(connection: sa.Connection, events: Sequence[Row]) -> None:
    """Add to each event the ``subject_name`` after it, and the ``changes`` that it made."""
    if not events:
        return
    listed = {event["id"]: event for event in events}
    rows = connection.execute(
        select_histories(events), {"ids": [*listed]}, execution_options=STREAMED
    )
    for _, history in groupby(rows, lambda row: (row.subject_type, row.subject_id, row.sdk_app_id)):
        for life, changes in follow_lives(Event._make(row[3:]) for row in history):
            if event := listed.get(life.last_event_id):
                told = [one for field in TOLD for one in changes if one[0] == field]
                event |= {"subject_name": life.values.get("Name"), "changes": told}


def select_histories(events: Sequence[Row]) -> Rows:
    """Select what reports fields of the subjects of some events, and these, in order of lives."""
    kinds = {event["subject_type"] for event in events}
    others = EVENTS.where(TABLE.c.id.in_(IDS), TABLE.c.action.not_in(TELLING))
    found = sa.union_all(others, *(select_telling(kind, events) for kind in kinds)).subquery()
    order = ("subject_type", "subject_id", "sdk_app_id", "occurred_at", "received_at", "id")
    return sa.select(found).order_by(*(found.c[name] for name in order))


def select_telling(kind: str, events: Sequence[Row]) -> Rows:
    """Select the events that report fields of those subjects of a kind, up to the newest event."""
    ids = {event["subject_id"] for event in events if event["subject_type"] == kind}
    return EVENTS.where(
        TABLE.c.subject_type == kind,
        TABLE.c.subject_id.in_(ids),
        TABLE.c.action.in_(TELLING),
        TABLE.c.occurred_at <= max(event["occurred_at"] for event in events),
    )
