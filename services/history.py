"""Read the history: lifecycle events, the users they name, how often they were delivered."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.delivery import Delivery
from models.event import EventMember, LifecycleEvent
from models.vocabulary import SubjectType
from schemas.page import PageQuery
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
FILTERED = (
    LifecycleEvent.subject_type,
    LifecycleEvent.subject_id,
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
    alternatives, sort_key = select_events(query)
    return fetch_page(session, alternatives, query, sort_key=sort_key)


def select_events(query: PageQuery) -> tuple[list[Rows], SortKey]:
    """Select the events that pass the filters, as alternatives that an index has in order."""
    rows = keep_equal(EVENTS, query, *FILTERED)
    if "member" in query.filters:
        return select_events_of_member(rows, query)
    alternatives = [rows]
    if "action" in query.filters:
        alternatives = split(alternatives, LifecycleEvent.action, set(query.filters["action"]))
        if "subject_id" in query.filters and "subject_type" not in query.filters:
            alternatives = split(alternatives, LifecycleEvent.subject_type, SubjectType)
    return alternatives, (LifecycleEvent.occurred_at, LifecycleEvent.id)


def select_events_of_member(rows: Rows, query: PageQuery) -> tuple[list[Rows], SortKey]:
    """Keep the events that name a user, in the order of an index that leads to the user.

    Within a subject that index begins with the subject, which a few users are stored without.
    """
    named = EventMember.event_id == LifecycleEvent.id
    rows = rows.join(EventMember, named).add_columns(EventMember.event_id)
    rows = rows.where(EventMember.user_id == query.filters["member"])
    if "action" in query.filters:
        rows = rows.where(LifecycleEvent.action.in_(query.filters["action"]))
    alternatives = [rows]
    if "subject_id" in query.filters:
        told = (query.filters["subject_id"], None)
        alternatives = split(alternatives, EventMember.subject_id, told)
    return alternatives, (EventMember.occurred_at, EventMember.event_id)


def split(
    alternatives: Iterable[Rows], column: InstrumentedAttribute[Any], values: Iterable[str | None]
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
