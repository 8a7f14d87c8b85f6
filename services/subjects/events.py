"""Read the events of subjects, in the order in which they make up lives."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, cast

import sqlalchemy as sa

from models.event import LifecycleEvent
from models.vocabulary import Action, SubjectType
from services.reading.pages import Rows
from services.subjects.lives import (
    GRACE,
    PROOFS_OF_LIFE,
    TELLING,
    TYPE,
    Event,
    Place,
    follow_lives,
    read_fields,
)

TABLE = LifecycleEvent.__table__
DETAILS = sa.cast(TABLE.c.details, sa.Text)
# The columns of ``Event``, by its names; what only an answer shows is fetched later.
COLUMNS: tuple[sa.ColumnElement[Any], ...] = (
    *TABLE.c["id", "action", "occurred_at", "received_at"],
    TABLE.c.event_time.is_not(None).label("is_timed"),
    sa.type_coerce(TABLE.c.name, sa.Text).label("name"),
    sa.type_coerce(TABLE.c.owner, sa.Text).label("owner"),
    DETAILS.label("details"),
    sa.type_coerce(TABLE.c.sdk_app_id, sa.Text).label("sdk_app_id"),
)
# Rows that are not streamed are all in memory, and thousands do not fit in a processor's cache.
STREAMED = {"yield_per": 500}
IN_ORDER = (TABLE.c.occurred_at, TABLE.c.received_at, TABLE.c.id)
FORWARD, BACKWARD = TABLE.c.occurred_at.asc(), TABLE.c.occurred_at.desc()
# Of an event or a step, by position: names take longer, and there may be thousands.
ACTION, AT = itemgetter(1), itemgetter(2)
PLACE = itemgetter(2, 3, 0)  # as ``IN_ORDER`` says
IS_TELLING = TABLE.c.action.in_(sorted(TELLING))
SILENT_PROOFS = sorted(PROOFS_OF_LIFE - TELLING)
# Not by LIKE: PostgreSQL expects few matches, and would sort all events of a group.
MAY_TELL_TYPE = sa.func.replace(DETAILS, '"Type"', "") != DETAILS
NEVER = datetime.max.replace(tzinfo=UTC)

Span = tuple[Place, Place]  # a range of events: from the first place on, and before the second


class AmbiguousSubjectError(Exception):
    """Several apps have a subject with this ID, and the question names no app."""

    def __init__(self, apps: Iterable[str]) -> None:
        super().__init__("several apps have a subject with this ID")
        self.apps = sorted(apps)


@dataclass(frozen=True)
class Subject:
    """A channel or group.

    Attributes:
        sdk_app_id: its app; none where only one app is expected to have a subject with this ID.
    """

    type: SubjectType
    id: str
    sdk_app_id: str | None = None


def fetch_outline(
    connection: sa.Connection, subject: Subject, *, until: datetime | None = None
) -> Sequence[Event]:
    """Return the outline of a subject, in order: the events that make up its lives and fields.

    These are the events that report fields, those that begin a life, those that tell the type of a
    group first, and the last one. The outline tells the same as all events. The rest is not read,
    such as the joins of a hundred thousand members.

    Args:
        connection: to read from.
        subject: with its app.
        until: an instant; only events up to it, inclusive, are read.
    """
    rows = select_events(subject)
    within = () if until is None else (TABLE.c.occurred_at <= until,)
    telling = fetch(connection, rows.where(IS_TELLING, *within))
    ends = sorted(AT(event) for event in telling if ACTION(event) == Action.DESTROYED)
    edges = (at_edge(rows, order, *within).where(~IS_TELLING) for order in (FORWARD, BACKWARD))
    silent = {*fetch(connection, *edges), *fetch_proofs(connection, rows, ends, *within)}
    outline = sorted([*telling, *silent], key=PLACE)
    if subject.type is SubjectType.GROUP:
        outline = sorted({*outline, *fetch_types(connection, rows, outline, *within)}, key=PLACE)
    return outline


def fetch_last(connection: sa.Connection, subject: Subject, *, before: Place) -> Event:
    """Return the last event of a subject before a place; there is one."""
    rows = select_events(subject).where(is_before(before))
    return max(
        fetch(connection, at_edge(rows, BACKWARD, TABLE.c.occurred_at <= before[0])), key=PLACE
    )


def fetch_proofs(
    connection: sa.Connection,
    rows: Rows,
    ends: Sequence[datetime],
    *within: sa.ColumnElement[bool],
) -> Iterator[Event]:
    """Yield events without fields that may begin a life after an end.

    An index leads to the first event of each action; after most ends, there is none.
    """
    for action in SILENT_PROOFS:
        proofs = rows.where(TABLE.c.action == action, TABLE.c.event_time.is_not(None))
        found: Sequence[Event] = ()
        for end in ends:
            if found and found[0].occurred_at - end > GRACE:
                continue
            is_later = TABLE.c.occurred_at > end + GRACE
            found = fetch(connection, at_edge(proofs, FORWARD, is_later, *within))
            if not found:
                break
            yield from found


def fetch_types(
    connection: sa.Connection,
    rows: Rows,
    outline: Sequence[Event],
    *within: sa.ColumnElement[bool],
) -> Iterator[Event]:
    """Yield events without fields that tell the type of a group first."""
    for begun, told in find_untyped(outline):
        silent = rows.where(TABLE.c.occurred_at >= begun[0], ~is_before(begun), is_before(told))
        silent = silent.where(~IS_TELLING, MAY_TELL_TYPE, *within)
        with connection.execute(silent.order_by(*IN_ORDER), execution_options=STREAMED) as found:
            events = map(Event._make, found)
            yield from islice(filter(tells_type, events), 1)


def find_untyped(outline: Iterable[Event]) -> Iterator[Span]:
    """Yield where a life without a type begins, and where its type is told or it ends.

    Most groups are created with one.
    """
    begun: Place | None = None
    number = 0
    for life, _ in follow_lives(outline):
        if begun is not None and (life.number > number or TYPE in life.fields):
            yield begun, life.last_place
            begun = None
        if life.number > number and TYPE not in life.fields:
            begun = life.last_place
        number = life.number
    if begun is not None:
        yield begun, (NEVER, NEVER, 0)


def tells_type(event: Event) -> bool:
    """Tell whether an event tells the type of its group."""
    return TYPE in read_fields(event.action, event.name, event.owner, event.details)


def fetch(connection: sa.Connection, *rows: Rows) -> Sequence[Event]:
    """Return the events of some selections."""
    return cast(Sequence[Event], connection.execute(sa.union_all(*rows)).all())


def select_events(subject: Subject) -> Rows:
    """Select the events of a subject whose app is known."""
    return sa.select(*COLUMNS).where(
        TABLE.c.subject_type == subject.type,
        TABLE.c.subject_id == subject.id,
        TABLE.c.sdk_app_id == subject.sdk_app_id,
    )


def is_before(place: Place) -> sa.ColumnElement[bool]:
    """Return the condition for an event to come before a place."""
    there = sa.tuple_(*place, types=[column.type for column in IN_ORDER])
    return sa.tuple_(*IN_ORDER) < there


def at_edge(
    rows: Rows, order: sa.UnaryExpression[datetime], *within: sa.ColumnElement[bool]
) -> Rows:
    """Keep the events of the first instant, in an order of time, within bounds.

    Several may share it. MariaDB would read all events if they were compared with the bounds too.
    """
    instants = rows.where(*within).with_only_columns(TABLE.c.occurred_at).order_by(order).limit(1)
    return rows.where(TABLE.c.occurred_at == instants.scalar_subquery().correlate(None))


def read_histories(
    connection: sa.Connection,
    kind: str,
    subject_ids: Iterable[str],
    *where: sa.ColumnElement[bool],
) -> Iterator[tuple[str, str, Iterator[Event]]]:
    """Yield ID, app and events of some subjects, in order of ID and app.

    The events of one subject have to be consumed before the next subject.
    """
    query = sa.select(TABLE.c.subject_id, *COLUMNS).where(
        TABLE.c.subject_type == kind, TABLE.c.subject_id.in_(subject_ids), *where
    )
    query = query.order_by(TABLE.c.subject_id, TABLE.c.sdk_app_id, *IN_ORDER)
    with connection.execute(query, execution_options=STREAMED) as found:
        for (subject_id, app), rows in groupby(found, lambda row: (row[0], row[-1])):
            yield subject_id, app, (Event._make(row[1:]) for row in rows)
