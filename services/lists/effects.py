"""The effects of listed events: the name of the subject at that time, and what was changed.

A few earlier events usually tell. Where they do not, more are read, subject by subject.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa

from models.vocabulary import Action
from schemas.api.page import PageQuery
from services.reading.history import fetch_event_list
from services.reading.pages import IDS, Page, Row
from services.subjects.effects import Effect, cut_past, find_effect
from services.subjects.events import COLUMNS, PLACE, TABLE, Subject, select_events
from services.subjects.lives import TELLING, Event

NEAR, FAR = 2, 16  # events of each action that are read before one
FARTHER = 8  # times as many are read if these are not enough
ACTIONS = sorted(TELLING)
EARLIER = TABLE.alias("earlier")
SAME_SUBJECT = [
    EARLIER.c[name] == TABLE.c[name] for name in ("subject_type", "subject_id", "sdk_app_id")
]
EVENTS = sa.select(*TABLE.c["subject_type", "subject_id"], *COLUMNS).where(TABLE.c.id.in_(IDS))

Found = Sequence[Sequence[Event]]  # by action


def select_earlier(action: str, number: int) -> sa.ColumnElement[int]:
    """Select the ID of the event of an action that is so many before a listed one."""
    return (
        sa.select(EARLIER.c.id)
        .where(
            *SAME_SUBJECT,
            EARLIER.c.action == action,
            EARLIER.c.occurred_at <= TABLE.c.occurred_at,
            EARLIER.c.id != TABLE.c.id,
        )
        .order_by(EARLIER.c.occurred_at.desc(), EARLIER.c.id.desc())
        .limit(1)
        .offset(number)
        .scalar_subquery()
    )


FIND_NEAR = sa.select(
    TABLE.c.id, *(select_earlier(action, number) for action in ACTIONS for number in range(NEAR))
).where(TABLE.c.id.in_(IDS))


def fetch_events_with_effects(connection: sa.Connection, query: PageQuery) -> Page:
    """Return a page of listed events with their effects."""
    page = fetch_event_list(connection, query)
    add_effects(connection, page.items)
    return page


def add_effects(connection: sa.Connection, events: Sequence[Row]) -> None:
    """Add to each event the ``subject_name`` after it, and the ``changes`` that it made.

    The changes of a beginning or an end are left out.
    """
    unknown = {}
    for event in events:
        event |= {"subject_name": event["name"], "changes": ()}
        is_edge = event["action"] in (Action.CREATED, Action.DESTROYED)
        if not is_edge or event["name"] is None:
            unknown[event["id"]] = event
    if unknown:
        for event_id, effect in find_effects(connection, [*unknown]):
            unknown[event_id] |= {"subject_name": effect.name, "changes": effect.changes}


def find_effects(
    connection: sa.Connection, event_ids: Sequence[int]
) -> Iterator[tuple[int, Effect]]:
    """Yield the effect of each event."""
    left: dict[Subject, list[Event]] = defaultdict(list)
    for subject, event, near in fetch_near(connection, event_ids):
        if effect := find_effect(cut_past(event, near, NEAR), event):
            yield event.id, effect
        else:
            left[subject].append(event)
    for subject, events in left.items():
        yield from find_far_effects(connection, subject, sorted(events, key=PLACE))


def find_far_effects(
    connection: sa.Connection, subject: Subject, events: list[Event]
) -> Iterator[tuple[int, Effect]]:
    """Yield the effect of each event of a subject, given in order, however far back that leads."""
    most = FAR
    while events:
        last = events[-1]
        found = fetch_earlier(connection, subject, last, most)
        effects = {one: find_effect(cut_past(one, found, most), one) for one in events}
        yield from ((one.id, effect) for one, effect in effects.items() if effect)
        events = [one for one in events if not effects[one]]
        most *= FARTHER if last in events else 1


def fetch_near(
    connection: sa.Connection, event_ids: Sequence[int]
) -> Iterator[tuple[Subject, Event, Found]]:
    """Yield events, each with its subject and the events right before it."""
    near = connection.execute(FIND_NEAR, {"ids": [*event_ids]}).all()
    ids = {one for row in near for one in row if one is not None}
    rows = connection.execute(EVENTS, {"ids": [*ids]}).all()
    subjects = {row.id: Subject(row[0], row[1], row.sdk_app_id) for row in rows}
    events = {row.id: Event._make(row[2:]) for row in rows}
    for event_id, *earlier in near:
        parts = (earlier[first : first + NEAR] for first in range(0, len(earlier), NEAR))
        found = [[events[one] for one in part if one is not None] for part in parts]
        yield subjects[event_id], events[event_id], found


def fetch_earlier(connection: sa.Connection, subject: Subject, event: Event, most: int) -> Found:
    """Fetch so many events of each action that reports fields, before one or at its instant."""
    found: Mapping[str, list[Event]] = {action: [] for action in ACTIONS}
    rows = select_events(subject).where(
        TABLE.c.occurred_at <= event.occurred_at, TABLE.c.id != event.id
    )
    newest = rows.order_by(TABLE.c.occurred_at.desc(), TABLE.c.id.desc()).limit(most)
    parts = (newest.where(TABLE.c.action == action).subquery() for action in ACTIONS)
    for row in connection.execute(sa.union_all(*map(sa.select, parts))):
        found[row.action].append(Event._make(row))
    return [*found.values()]
