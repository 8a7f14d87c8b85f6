"""Purge deliveries with their events, except those that a state rests on.

The events that the state of a subject rested on at the limit stay as long as the subject lives, so
its state at any later time remains correct.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from models.clock import HOUR
from models.database.labels import delete_labels
from models.database.many import delete, is_among, split
from models.delivery import Delivery
from models.event import EventMember, Label, LifecycleEvent, PresentState
from models.text import unescape_text
from models.vocabulary import Findable
from services.recording.following.labels import make_key
from services.recording.following.states import Key, find_life, store_lives
from services.subjects.events import COLUMNS, IN_ORDER, TABLE
from services.subjects.lives import Event, Life, follow_lives

AHEAD = HOUR  # how far Tencent's clocks may be ahead of ours

SUBJECT = tuple(TABLE.c["subject_type", "subject_id", "sdk_app_id"])
FOUND_BY = TABLE.c["subject_type", "subject_id", "delivery_id", "operator"]
EVENTS = sa.select(*FOUND_BY, *COLUMNS).order_by(*SUBJECT, *IN_ORDER)
LATER = TABLE.alias("later")
# The limit keeps the planner from comparing all events at once.
GOES_ON = sa.select(TABLE.c.id).where(
    sa.select(LATER.c.id)
    .where(
        *(LATER.c[column.key] == column for column in SUBJECT),
        LATER.c.received_at >= sa.bindparam("until"),
    )
    .limit(1)
    .scalar_subquery()
    .is_not(None)
)
STATES = sa.select(*PresentState.__table__.primary_key)
HAS_EVENT = sa.exists().where(
    *(TABLE.c[column.key] == column for column in PresentState.__table__.primary_key)
)
NAMES = sa.select(
    LifecycleEvent.subject_type,
    LifecycleEvent.subject_id,
    LifecycleEvent.sdk_app_id,
    LifecycleEvent.name,
).distinct()
HELD = sa.select(Label.kind, Label.holder_id, Label.sdk_app_id, Label.folded, Label.id)

Row = sa.Row[Any]


def purge_deliveries(
    connection: sa.Connection, delivery_ids: Sequence[int], until: datetime
) -> int:
    """Purge deliveries with everything made from them; return how many.

    Earlier events of their subjects are looked at again: some that stayed may go now.

    Args:
        connection: in a transaction that has the turn to write.
        delivery_ids: the next deliveries, by time of arrival.
        until: with these, everything that arrived before this has been looked at.
    """
    arrived = fetch(connection, TABLE.c.delivery_id, delivery_ids)
    earlier = fetch(
        connection,
        TABLE.c.subject_id,
        [*{row.subject_id for row in arrived}],
        TABLE.c.occurred_at < until + AHEAD,
        TABLE.c.received_at < until,
    )
    ahead = [row for row in arrived if row.occurred_at >= until + AHEAD]  # after all others
    earlier = sorted([*earlier, *ahead], key=subject_of)
    grounds = find_grounds(connection, earlier, until)
    staying = [row for row in earlier if row.id in grounds]
    gone = {row.id: row for row in (*arrived, *earlier) if row.id not in grounds}
    users = fetch_users(connection, [*gone.values()])
    purged = {*delivery_ids, *(row.delivery_id for row in gone.values())}
    purged -= {row.delivery_id for row in staying}
    delete(connection, EventMember.event_id, [*gone])
    delete(connection, LifecycleEvent.id, [*gone])
    delete(connection, Delivery.id, [*purged])
    purge_states(connection, {subject_of(row) for row in gone.values()})
    said = {(subject_of(row), row.name) for row in staying}
    purge_subject_labels(
        connection,
        {subject_of(row) for row in gone.values() if (subject_of(row), row.name) not in said},
    )
    purge_user_labels(connection, users)
    return len(purged)


def fetch(
    connection: sa.Connection, column: Any, values: Sequence[Any], *where: Any
) -> Sequence[Row]:
    """Fetch the events with one of some values in a column, subject by subject, in order."""
    query = EVENTS.where(is_among(connection, column, values), *where)
    return connection.execute(query).all() if values else []


def subject_of(row: Row) -> Key:
    """Return the key of the subject of an event."""
    return row.subject_type, row.subject_id, row.sdk_app_id


def find_grounds(connection: sa.Connection, earlier: Iterable[Row], until: datetime) -> set[int]:
    """Find the events that the states of subjects rest on at an instant.

    A subject that has ended has none, unless more about it arrived later.

    Args:
        earlier: all events of the subjects that arrived before the instant, in order.
    """
    states = [
        read_grounds(Event._make(row[len(FOUND_BY) :]) for row in rows)
        for _, rows in groupby(earlier, subject_of)
    ]
    ends = [end for end, _ in states if end is not None]
    going_on = GOES_ON.where(is_among(connection, TABLE.c.id, ends))
    lasting = {None, *connection.scalars(going_on, {"until": until})} if ends else {None}
    return {event_id for end, grounds in states if end in lasting for event_id in grounds}


def read_grounds(events: Iterable[Event]) -> tuple[int | None, set[int]]:
    """Return the event that ended a subject, if any, and all that its state rests on.

    If a value came back, the event of the value before it is included: without it, the value would
    seem never to have changed.
    """
    life: Life | None = None
    said: dict[str, list[tuple[Any, int]]] = {}  # values by field, each with its event
    for current, changes in follow_lives(events):
        if current is not life:
            life, said = current, defaultdict(list)
        for field, _, value in changes:
            said[field].append((value, current.last_event_id))
    if life is None:
        return None, set()
    grounds = {life.created_by, life.destroyed_by, life.last_event_id}
    grounds |= {one.event_id for one in life.fields.values()}
    for *before, (value, _) in said.values():
        if value in [one for one, _ in before]:
            grounds.add(before[-1][1])
    return life.destroyed_by, {event_id for event_id in grounds if event_id is not None}


def fetch_users(connection: sa.Connection, events: Sequence[Row]) -> list[str]:
    """Fetch the users that events name."""
    users = {unescape_text(row.owner) for row in events if row.owner is not None}
    users |= {row.operator for row in events if row.operator is not None}
    for ids in split([row.id for row in events]):
        named = sa.select(EventMember.user_id).where(
            is_among(connection, EventMember.event_id, ids)
        )
        users.update(connection.scalars(named.distinct()))
    return [*users]


def purge_states(connection: sa.Connection, subjects: Collection[Key]) -> None:
    """Purge the states of subjects without events; recount the lives of the others."""
    is_meant = (
        is_among(connection, PresentState.subject_type, [*{kind for kind, _, _ in subjects}]),
        is_among(connection, PresentState.subject_id, [*{one for _, one, _ in subjects}]),
    )
    connection.execute(sa.delete(PresentState).where(*is_meant, ~HAS_EVENT))
    reused = connection.execute(STATES.where(*is_meant, PresentState.life > 1)).all()
    store_lives(connection, {(*key,): find_life(connection, (*key,)) for key in reused})


def purge_subject_labels(connection: sa.Connection, subjects: Collection[Key]) -> None:
    """Purge the labels of subjects that no event supports any more: names, or IDs."""
    for part in split([*subjects]):
        ids = [*{subject_id for _, subject_id, _ in part}]
        names = NAMES.where(is_among(connection, LifecycleEvent.subject_id, ids))
        said = {
            make_key(kind, subject_id, app, text)
            for kind, subject_id, app, name in connection.execute(names)
            for text in (subject_id, name)
            if text is not None
        }
        held = connection.execute(HELD.where(is_among(connection, Label.holder_id, ids))).all()
        meant = {*part}
        unsaid = [one.id for one in held if one[:3] in meant and one[:4] not in said]
        if unsaid:
            delete_labels(connection, is_among(connection, Label.id, unsaid))


def purge_user_labels(connection: sa.Connection, users: Sequence[str]) -> None:
    """Purge the labels of those users that no event names any more."""
    user_id: Any = Label.holder_id
    if connection.dialect.name == "postgresql":
        user_id = Label.holder_id.collate("default")  # the order of the indexes
    named = (LifecycleEvent.operator, LifecycleEvent.owner, EventMember.user_id)
    # The limit keeps the planner from comparing all users at once.
    is_unnamed = [
        sa.select(sa.literal(1)).where(column == user_id).limit(1).scalar_subquery().is_(None)
        for column in named
    ]
    of_users = (Label.kind == Findable.USER, Label.sdk_app_id == "")
    for part in split(users):
        delete_labels(
            connection, *of_users, is_among(connection, Label.holder_id, part), *is_unnamed
        )
