"""Read the history: lifecycle events, the users they name, how often they were delivered."""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.delivery import Delivery
from models.event import EventMember, LifecycleEvent
from models.vocabulary import SubjectType
from schemas.page import PageQuery
from services.deliveries import fetch_delivery
from services.pages import Page, Row, Rows, SortKey, fetch_page, keep_equal

SHOWN = [column for column in LifecycleEvent.__table__.columns if column.key != "name_start"]
FILTERED = (
    LifecycleEvent.subject_type,
    LifecycleEvent.subject_id,
    LifecycleEvent.operator,
    LifecycleEvent.owner,
    LifecycleEvent.sdk_app_id,
)


def fetch_history(session: Session, query: PageQuery) -> Page:
    """Fetch a page of events by ``occurred_at``."""
    rows = keep_equal(sa.select(*SHOWN), query, *FILTERED)
    sort_key: SortKey = (LifecycleEvent.occurred_at, LifecycleEvent.id)
    if "member" in query.filters:
        rows = rows.add_columns(EventMember.event_id)
        rows = rows.join(EventMember, EventMember.event_id == LifecycleEvent.id)
        rows = rows.where(EventMember.user_id == query.filters["member"])
        sort_key = (EventMember.occurred_at, EventMember.event_id)
    alternatives = [rows]
    if "action" in query.filters:
        alternatives = split(alternatives, LifecycleEvent.action, set(query.filters["action"]))
        if "subject_id" in query.filters and "subject_type" not in query.filters:
            alternatives = split(alternatives, LifecycleEvent.subject_type, SubjectType)
    page = fetch_page(session, alternatives, query, sort_key=sort_key)
    complete(session, page.items)
    return page


def split(
    alternatives: Iterable[Rows], column: InstrumentedAttribute[str], values: Iterable[str]
) -> list[Rows]:
    """Read the rows of each value by themselves, as an index has them in order."""
    return [rows.where(column == value) for rows in alternatives for value in values]


def fetch_event(session: Session, event_id: int) -> Row | None:
    """Fetch one event with its delivery and raw body, or none."""
    query = sa.select(*SHOWN).where(LifecycleEvent.id == event_id)
    row = session.execute(query).mappings().one_or_none()
    if row is None:
        return None
    event = dict(row)
    complete(session, [event])
    event["delivery"] = fetch_delivery(session, event["delivery_id"])
    return event


def complete(session: Session, events: Sequence[Row]) -> None:
    """Add to each event what other tables know: ``members`` and ``delivery_count``."""
    members = fetch_members(session, [event["id"] for event in events])
    repeats = count_repeats(session, [event["delivery_id"] for event in events])
    for event in events:
        event["members"] = members.get(event["id"], [])
        event["delivery_count"] = 1 + repeats.get(event["delivery_id"], 0)


def fetch_members(session: Session, event_ids: Iterable[int]) -> dict[int, list[str]]:
    """Fetch the users of several events, each in Tencent's order."""
    query = (
        sa.select(EventMember.event_id, EventMember.user_id)
        .where(EventMember.event_id.in_(event_ids))
        .order_by(EventMember.event_id, EventMember.position)
    )
    members: dict[int, list[str]] = {}
    for event_id, user_id in session.execute(query):
        members.setdefault(event_id, []).append(user_id)
    return members


def count_repeats(session: Session, delivery_ids: Iterable[int]) -> dict[int, int]:
    """Count the deliveries that repeat each of several deliveries; none where nothing does."""
    query = (
        sa.select(Delivery.duplicate_of, sa.func.count())
        .where(Delivery.duplicate_of.in_(delivery_ids))
        .group_by(Delivery.duplicate_of)
    )
    return {first: count for first, count in session.execute(query) if first is not None}
