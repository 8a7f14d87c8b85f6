"""Read the events of subjects, in the order in which lives are made of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, cast

import sqlalchemy as sa

from models.event import LifecycleEvent
from models.types import Microseconds
from models.vocabulary import SubjectType
from services.reading.pages import IDS, Row, fetch_by_id
from services.subjects.lives import Event

TABLE = LifecycleEvent.__table__
# The columns of ``Event``; what only an answer needs is fetched later.
COLUMNS: tuple[sa.ColumnElement[Any], ...] = (
    TABLE.c.id,
    TABLE.c.action,
    sa.type_coerce(TABLE.c.occurred_at, Microseconds),
    TABLE.c.event_time.is_not(None),
    sa.type_coerce(TABLE.c.name, sa.Text),
    sa.type_coerce(TABLE.c.owner, sa.Text),
    sa.cast(TABLE.c.details, sa.Text),
    sa.type_coerce(TABLE.c.sdk_app_id, sa.Text),
)
# When and how an event came about: all but what it is about.
MOMENT = TABLE.c[
    "id", "action", "occurred_at", "operator", "platform", "client_ip", "delivery_id", "event_time"
]
# What is not streamed is in memory as a whole, and thousands fall out of a processor's cache.
STREAMED = {"yield_per": 500}
IN_ORDER = (TABLE.c.occurred_at, TABLE.c.received_at, TABLE.c.id)


class AmbiguousSubjectError(Exception):
    """Several apps, by SDKAppID, have a subject of this ID, and the question names none of them."""

    def __init__(self, apps: Iterable[str]) -> None:
        super().__init__("several apps have a subject of this ID")
        self.apps = sorted(apps)


@dataclass(frozen=True)
class Subject:
    """A channel or group.

    Attributes:
        sdk_app_id: its app; none where only one app is expected to have a subject of this ID.
    """

    type: SubjectType
    id: str
    sdk_app_id: str | None = None


def read_events(
    connection: sa.Connection, subject: Subject, *, until: datetime | None = None
) -> Iterator[Event]:
    """Yield the events of a subject in order, up to an instant, inclusive.

    Raises:
        AmbiguousSubjectError: several apps have a subject of this ID.
    """
    query = sa.select(*COLUMNS).filter_by(subject_type=subject.type, subject_id=subject.id)
    if subject.sdk_app_id is not None:
        query = query.where(TABLE.c.sdk_app_id == subject.sdk_app_id)
    if until is not None:
        query = query.where(TABLE.c.occurred_at <= until)
    apps: set[str] = set()
    with connection.execute(query.order_by(*IN_ORDER), execution_options=STREAMED) as found:
        for rows in found.partitions():
            apps |= {row[-1] for row in rows}
            if len(apps) > 1:
                break
            yield from cast(Sequence[Event], rows)
    if len(apps) > 1:
        every = query.with_only_columns(TABLE.c.sdk_app_id).distinct()
        raise AmbiguousSubjectError(connection.scalars(every))


def read_histories(
    connection: sa.Connection,
    kind: SubjectType,
    subject_ids: Iterable[str],
    *,
    sdk_app_id: str | None = None,
) -> Iterator[tuple[str, str, Iterator[Event]]]:
    """Yield ID, app and events of some subjects, in order of ID and app.

    The events of one have to be taken before the next one is.
    """
    query = sa.select(TABLE.c.subject_id, *COLUMNS).where(
        TABLE.c.subject_type == kind, TABLE.c.subject_id.in_(subject_ids)
    )
    if sdk_app_id is not None:
        query = query.where(TABLE.c.sdk_app_id == sdk_app_id)
    query = query.order_by(TABLE.c.subject_id, TABLE.c.sdk_app_id, *IN_ORDER)
    with connection.execute(query, execution_options=STREAMED) as found:
        for (subject_id, app), rows in groupby(found, lambda row: (row[0], row[-1])):
            yield subject_id, app, (Event._make(row[1:]) for row in rows)


def fetch_moments(connection: sa.Connection, event_ids: Iterable[int]) -> Mapping[int, Row]:
    """Return what some events say of themselves, by ID."""
    return fetch_by_id(connection, sa.select(*MOMENT).where(TABLE.c.id.in_(IDS)), {*event_ids})
