"""Tell what a channel or group was, at any instant, and how it became so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from models.event import LifecycleEvent
from models.vocabulary import SubjectType
from schemas.cursor import Position
from schemas.page import Order, PageQuery
from services.lives import Life, fold_state
from services.pages import Page, Row
from services.versions import fold_versions

COLUMNS = (
    LifecycleEvent.id,
    LifecycleEvent.action,
    LifecycleEvent.sdk_app_id,
    LifecycleEvent.operator,
    LifecycleEvent.owner,
    LifecycleEvent.name,
    LifecycleEvent.occurred_at,
    LifecycleEvent.event_time,
    LifecycleEvent.platform,
    LifecycleEvent.details,
)
IN_ORDER = (LifecycleEvent.occurred_at, LifecycleEvent.received_at, LifecycleEvent.id)


class AmbiguousSubjectError(Exception):
    """Several apps have a subject of this ID, and nobody said which is meant."""


class ForeignCursorError(Exception):
    """The cursor is one of another subject."""


@dataclass(frozen=True)
class Subject:
    """Whose history is asked for.

    Attributes:
        sdk_app_id: the app it belongs to; none where it is expected to be in one app only.
    """

    type: SubjectType
    id: str
    sdk_app_id: str | None = None


def fetch_state(session: Session, subject: Subject, at: datetime | None) -> Row | None:
    """Tell what a subject was at an instant, or what it is.

    Args:
        session: any session that may read.
        subject: whose state.
        at: the instant, timezone-aware, events of that instant included; none for all events.

    Returns:
        None if nothing had been heard of it by then.

    Raises:
        AmbiguousSubjectError: it may be one of several apps.
    """
    events = fetch_events(session, subject, until=at)
    life = fold_state(events)
    return None if life is None else describe(life, subject, events[-1]["sdk_app_id"], at)


def describe(life: Life, subject: Subject, sdk_app_id: str, at: datetime | None) -> Row:
    """Put a state into the words of the API."""
    return {
        "subject_type": subject.type,
        "subject_id": subject.id,
        "sdk_app_id": sdk_app_id,
        "life": life.number,
        "status": life.status,
        "at": at,
        "created_at": life.created_at,
        "destroyed_at": life.destroyed_at,
        "last_event_id": life.last_event_id,
        "fields": life.fields,
    }


def fetch_versions(session: Session, subject: Subject, query: PageQuery) -> Page | None:
    """Fetch a page of the versions of a subject.

    Their numbers and differences follow from all events before, so all are read for each page.

    Returns:
        None if nothing has been heard of it.

    Raises:
        AmbiguousSubjectError: it may be one of several apps.
        ForeignCursorError: no version of it has the event that the cursor names.
    """
    events = fetch_events(session, subject)
    if not events:
        return None
    versions = list(fold_versions(events))
    if query.order is Order.DESC:
        versions.reverse()
    start = 0
    if query.after is not None:
        known = [version.event_id for version in versions]
        if query.after.id not in known:
            raise ForeignCursorError
        start = known.index(query.after.id) + 1
    items = versions[start : start + query.limit]
    if len(versions) <= start + query.limit:
        return Page([vars(version) for version in items], None)
    following = Position(items[-1].occurred_at, items[-1].event_id)
    return Page([vars(version) for version in items], following)


def fetch_events(
    session: Session, subject: Subject, *, until: datetime | None = None
) -> Sequence[Row]:
    """Fetch what happened to a subject, in order, as far as ``services.lives`` needs it.

    Raises:
        AmbiguousSubjectError: it may be one of several apps.
    """
    query = (
        sa.select(*COLUMNS)
        .where(LifecycleEvent.subject_type == subject.type, LifecycleEvent.subject_id == subject.id)
        .order_by(*IN_ORDER)
    )
    if subject.sdk_app_id is not None:
        query = query.where(LifecycleEvent.sdk_app_id == subject.sdk_app_id)
    if until is not None:
        query = query.where(LifecycleEvent.occurred_at <= until)
    events = [dict(row) for row in session.execute(query).mappings()]
    if len({event["sdk_app_id"] for event in events}) > 1:
        raise AmbiguousSubjectError
    return events
