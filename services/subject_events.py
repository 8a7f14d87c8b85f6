"""Fetch what happened to a subject, as it is folded into lives."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from models.event import LifecycleEvent
from models.vocabulary import SubjectType
from services.event import Event

TABLE = LifecycleEvent.__table__
# As ``Event`` has them; what only an answer needs is fetched later.
COLUMNS = (
    TABLE.c.id,
    TABLE.c.action,
    TABLE.c.event_time.is_not(None),
    sa.type_coerce(TABLE.c.name, sa.Text),
    sa.type_coerce(TABLE.c.owner, sa.Text),
    sa.cast(TABLE.c.details, sa.Text),
    sa.type_coerce(TABLE.c.sdk_app_id, sa.Text),
)
AT_ONCE = 500  # events: thousands at a time fall out of a processor's cache
IN_ORDER = (TABLE.c.occurred_at, TABLE.c.received_at, TABLE.c.id)


class AmbiguousSubjectError(Exception):
    """Several apps have a subject of this ID, and nobody said which is meant.

    Attributes:
        apps: their SDKAppIDs.
    """

    def __init__(self, apps: Iterable[str]) -> None:
        super().__init__("several apps have a subject of this ID")
        self.apps = sorted(apps)


class ForeignEventError(Exception):
    """The event is not one of the subject."""


@dataclass(frozen=True)
class Subject:
    """Whose history is asked for.

    Attributes:
        sdk_app_id: the app it belongs to; none where it is expected to be in one app only.
    """

    type: SubjectType
    id: str
    sdk_app_id: str | None = None


def read_events(
    session: Session, subject: Subject, *, until: datetime | None = None
) -> Iterator[Event]:
    """Read what happened to a subject, in order, up to an instant, that included.

    Raises:
        AmbiguousSubjectError: it may be one of several apps.
    """
    apps: set[str] = set()
    query = narrow(sa.select(*COLUMNS), subject, until).order_by(*IN_ORDER)
    for rows in session.execute(query).partitions(AT_ONCE):
        apps |= {row[-1] for row in rows}
        if len(apps) > 1:
            every = narrow(sa.select(TABLE.c.sdk_app_id).distinct(), subject, until)
            raise AmbiguousSubjectError(session.scalars(every))
        yield from cast(Sequence[Event], rows)


def count_events(session: Session, subject: Subject, *, until: datetime) -> int:
    """Count what had happened to a subject by an instant: so many of its events, in order."""
    query = narrow(sa.select(sa.func.count()).select_from(TABLE), subject, until)
    return session.scalar(query) or 0


def narrow(query: sa.Select[Any], subject: Subject, until: datetime | None) -> sa.Select[Any]:
    """Keep the events of a subject up to an instant, that included."""
    query = query.where(TABLE.c.subject_type == subject.type, TABLE.c.subject_id == subject.id)
    if subject.sdk_app_id is not None:
        query = query.where(TABLE.c.sdk_app_id == subject.sdk_app_id)
    if until is not None:
        query = query.where(TABLE.c.occurred_at <= until)
    return query


def find_index(event_ids: Sequence[int], event_id: int) -> int:
    """Find where an event stands among those of its subject.

    Raises:
        ForeignEventError: nowhere.
    """
    try:
        return event_ids.index(event_id)
    except ValueError:
        raise ForeignEventError from None
