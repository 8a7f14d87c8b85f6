"""Tell what a channel or group was, at any instant, and how it became so."""

from datetime import datetime
from itertools import chain

from sqlalchemy.orm import Session

from schemas.cursor import Position
from schemas.page import Order, PageQuery
from services.lives import find_last_life
from services.pages import Page, Row
from services.states import State, describe_states
from services.subject_events import Subject, find_index, read_events
from services.versions import describe_versions, find_versions


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
    life = find_last_life(read_events(session, subject, until=at))
    return None if life is None else describe_states(session, [State.of(subject, life)])[0]


def fetch_versions(session: Session, subject: Subject, query: PageQuery) -> Page | None:
    """Fetch a page of the versions of a subject.

    Their numbers and differences follow from all events before, so all are read for each page.

    Returns:
        None if nothing has been heard of it.

    Raises:
        AmbiguousSubjectError: it may be one of several apps.
        ForeignEventError: no version of it has the event that the cursor names.
    """
    events = read_events(session, subject)
    first = next(events, None)
    if first is None:
        return None
    versions = list(find_versions(chain([first], events)))
    if query.order is Order.DESC:
        versions.reverse()
    start = 0
    if query.after is not None:
        start = find_index([version.event_id for version in versions], query.after.id) + 1
    items = describe_versions(session, versions[start : start + query.limit])
    if len(versions) <= start + query.limit:
        return Page(items, None)
    return Page(items, Position(items[-1]["occurred_at"], items[-1]["event_id"]))
