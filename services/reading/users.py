"""Read the events of a user: one history over the three roles."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from models.event import EventMember, LifecycleEvent
from schemas.api.page import PageQuery
from services.reading.facets import MOST_COUNTED
from services.reading.history import EVENT_KEY, FIRST_MEMBERS, LISTED, MEMBER_KEY, add_first_members
from services.reading.pages import (
    IDS,
    Page,
    Row,
    Rows,
    SortKey,
    fetch_page,
    fetch_whole,
    select_in_order,
)

# By role, the column that names the user, and the rest of its index.
ROLES: Mapping[str, tuple[InstrumentedAttribute[Any], SortKey]] = {
    "operator": (LifecycleEvent.operator, EVENT_KEY),
    "owner": (LifecycleEvent.owner, EVENT_KEY),
    "member": (EventMember.user_id, MEMBER_KEY),
}


def fetch_user_events(connection: sa.Connection, user_id: str, query: PageQuery) -> Page:
    """Return a page of the events that name a user, each with the user's ``roles`` in it.

    Each role has an index with its events in order. These are merged, so an event with two roles
    appears once.
    """
    wanted = [query.filters["role"]] if "role" in query.filters else [*ROLES]
    merged = sa.union(*(select_places(role, user_id, query) for role in wanted)).subquery()
    places = fetch_page(
        connection, [sa.select(merged)], query, sort_key=(merged.c.occurred_at, merged.c.id)
    )
    page = fetch_whole(connection, places, LISTED)
    add_roles(connection, page.items, user_id)
    add_first_members(connection, page.items, FIRST_MEMBERS)
    return page


def select_places(role: str, user_id: str, query: PageQuery) -> Rows:
    """Select the places of the events that name a user in a role, as many as one page may need."""
    column, (at, event_id) = ROLES[role]
    place: list[sa.ColumnElement[Any]] = [at.label("occurred_at"), event_id.label("id")]
    rows = sa.select(*place).where(column == user_id)
    in_order = select_in_order([rows], query, sort_key=(at, event_id), limit=query.limit + 1)
    return sa.select(in_order.subquery())


def add_roles(connection: sa.Connection, events: Sequence[Row], user_id: str) -> None:
    """Add to each event the ``roles`` in which it names a user."""
    named = sa.select(EventMember.event_id).where(
        EventMember.event_id.in_(IDS), EventMember.user_id == user_id
    )
    as_member = {*connection.scalars(named, {"ids": [event["id"] for event in events]})}
    for event in events:
        roles = [role for role in ("operator", "owner") if event[role] == user_id]
        event["roles"] = roles + ["member"] * (event["id"] in as_member)


def count_roles(connection: sa.Connection, user_id: str) -> dict[str, int]:
    """Count the events that name a user, by role, up to ``MOST_COUNTED`` of each."""
    counts = {}
    for role, (column, _) in ROLES.items():
        rows = sa.select(column).where(column == user_id).limit(MOST_COUNTED).subquery()
        counts[role] = connection.scalar(sa.select(sa.func.count()).select_from(rows)) or 0
    return counts
