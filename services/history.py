"""Read the history: lifecycle events, the users they name, how often they were delivered."""

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.delivery import Delivery
from models.event import EventMember, LifecycleEvent
from models.vocabulary import SubjectType
from schemas.page import PageQuery
from services.counts import count_up_to
from services.deliveries import fetch_delivery
from services.members import add_members
from services.pages import Page, Row, Rows, SortKey, fetch_page, fetch_row, keep_equal

SHOWN = [column for column in LifecycleEvent.__table__.columns if column.key != "name_start"]
DELIVERY_COUNT = (
    sa.select(sa.func.count() + 1)
    .where(Delivery.duplicate_of == LifecycleEvent.delivery_id)
    .scalar_subquery()
    .label("delivery_count")
)
EVENTS = sa.select(*SHOWN, DELIVERY_COUNT)
FEW = 1000  # events
FILTERED = (
    LifecycleEvent.subject_type,
    LifecycleEvent.operator,
    LifecycleEvent.owner,
    LifecycleEvent.sdk_app_id,
)


def fetch_history(session: Session, query: PageQuery) -> Page:
    """Fetch a page of events by ``occurred_at``, each with all ``members`` it names."""
    page = fetch_history_without_members(session, query)
    add_members(session, page.items)
    return page


def fetch_history_without_members(session: Session, query: PageQuery) -> Page:
    """Fetch a page of events by ``occurred_at``."""
    alternatives, sort_key = select_events(session, query)
    return fetch_page(session, alternatives, query, sort_key=sort_key)


def select_events(session: Session, query: PageQuery) -> tuple[list[Rows], SortKey]:
    """Select the events that pass the filters, as alternatives that an index has in order."""
    rows = keep_equal(EVENTS, query, *FILTERED)
    sort_key: SortKey = (LifecycleEvent.occurred_at, LifecycleEvent.id)
    subject_id: sa.ColumnElement[str] = LifecycleEvent.subject_id.expression
    if "member" in query.filters:
        named = EventMember.event_id == LifecycleEvent.id
        rows = rows.where(EventMember.user_id == query.filters["member"])
        rows = rows.join(EventMember, named).add_columns(EventMember.event_id)
        if not is_led_by_subject(session, query):
            sort_key = (EventMember.occurred_at, EventMember.event_id)
            subject_id = subject_id.concat("")  # which no index has: the user leads to fewer rows
    if "subject_id" in query.filters:
        rows = rows.where(subject_id == query.filters["subject_id"])
    alternatives = [rows]
    if "action" in query.filters:
        alternatives = split(alternatives, LifecycleEvent.action, set(query.filters["action"]))
        if "subject_id" in query.filters and "subject_type" not in query.filters:
            alternatives = split(alternatives, LifecycleEvent.subject_type, SubjectType)
    return alternatives, sort_key


def is_led_by_subject(session: Session, query: PageQuery) -> bool:
    """Tell whether to look for a user in the events of a subject, not for it in those of the user.

    PostgreSQL knows which are fewer. To others a group of a million events is like any other.
    """
    if "subject_id" not in query.filters:
        return False
    if session.get_bind().dialect.name == "postgresql":
        return True
    of_subject = LifecycleEvent.subject_id == query.filters["subject_id"]
    return (session.scalar(count_up_to(FEW, of_subject)) or 0) < FEW


def split(
    alternatives: Iterable[Rows], column: InstrumentedAttribute[str], values: Iterable[str]
) -> list[Rows]:
    """Read the rows of each value by themselves, as an index has them in order."""
    return [rows.where(column == value) for rows in alternatives for value in values]


def fetch_event(session: Session, event_id: int) -> Row | None:
    """Fetch one event with its members, its delivery and raw body, or none."""
    event = fetch_row(session, EVENTS.where(LifecycleEvent.id == event_id))
    if event is not None:
        add_members(session, [event])
        event["delivery"] = fetch_delivery(session, event["delivery_id"])
    return event


def fetch_events_by_id(session: Session, event_ids: Sequence[int]) -> Mapping[int, Row]:
    """Fetch events without members, by ID; one that is not there is left out."""
    query = EVENTS.where(LifecycleEvent.id.in_(event_ids))
    return {row["id"]: dict(row) for row in session.execute(query).mappings()}


def fetch_event_of(session: Session, delivery_id: int) -> Row | None:
    """Fetch the event that was read from a delivery, without members, or none."""
    return fetch_row(session, EVENTS.where(LifecycleEvent.delivery_id == delivery_id))
