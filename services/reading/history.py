"""Read the history: lifecycle events, the users they name, how often they were delivered."""

from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa

from models.delivery import Delivery
from models.event import EventMember, LifecycleEvent
from models.vocabulary import SubjectType
from schemas.api.page import PageQuery
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from services.reading.deliveries import fetch_delivery
from services.reading.pages import (
    EVENT_IDS,
    Page,
    Row,
    Rows,
    SortKey,
    fetch_page,
    fetch_row,
    keep_equal,
    select_in_order,
)

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

FIND_MEMBERS = (
    sa.select(EventMember.event_id, EventMember.user_id)
    .where(EventMember.event_id.in_(EVENT_IDS))
    .order_by(EventMember.event_id, EventMember.position)
)
COUNT_MEMBERS = (
    sa.select(EventMember.event_id, sa.func.count().label("members"))
    .where(EventMember.event_id.in_(EVENT_IDS))
    .group_by(EventMember.event_id)
)
COMMANDS_WITHOUT_MEMBERS = {
    command for command, schema in LIFECYCLE_SCHEMAS.items() if not schema.names_users
}
ROWS_IN_MEMORY = 500  # of an export


def fetch_history(connection: sa.Connection, query: PageQuery) -> Page:
    """Return a page of events by ``occurred_at``, each with all ``members`` it names."""
    page = fetch_history_without_members(connection, query)
    add_members(connection, page.items)
    return page


def fetch_history_without_members(connection: sa.Connection, query: PageQuery) -> Page:
    """Return a page of events by ``occurred_at``."""
    alternatives, sort_key = select_events(query)
    return fetch_page(connection, alternatives, query, sort_key=sort_key)


def select_events(query: PageQuery) -> tuple[list[Rows], SortKey]:
    """Return selections of the events that pass the filters, each as an index has it in order."""
    wanted, rows = query.filters, keep_equal(EVENTS, query, *FILTERED)
    if "member" in wanted:
        return select_events_of_member(rows, query)
    alternatives = [rows]
    if "action" in wanted:
        actions = [LifecycleEvent.action == action for action in {*wanted["action"]}]
        alternatives = [rows.where(action) for action in actions]
        if "subject_id" in wanted and "subject_type" not in wanted:
            kinds = [LifecycleEvent.subject_type == kind for kind in SubjectType]
            alternatives = [rows.where(kind) for rows in alternatives for kind in kinds]
    return alternatives, (LifecycleEvent.occurred_at, LifecycleEvent.id)


def select_events_of_member(rows: Rows, query: PageQuery) -> tuple[list[Rows], SortKey]:
    """Keep the events that name a user, in the order of an index that leads to the user.

    Within a subject, that index begins with the subject.
    """
    named = EventMember.event_id == LifecycleEvent.id
    rows = rows.join(EventMember, named).add_columns(EventMember.event_id)
    rows = rows.where(EventMember.user_id == query.filters["member"])
    if "action" in query.filters:
        rows = rows.where(LifecycleEvent.action.in_(query.filters["action"]))
    rows = keep_equal(rows, query, EventMember.subject_id)
    return [rows], (EventMember.occurred_at, EventMember.event_id)


def stream_history(connection: sa.Connection, query: PageQuery) -> Generator[Row]:
    """Yield all events, as they are at one moment.

    They come from a server-side cursor; on MariaDB and MySQL, page by page in one transaction.
    Their driver's unbuffered cursor can't stop what it has begun, nor ask for members meanwhile,
    and without a limit the server may sort all rows.
    """
    paged = connection.dialect.name == "mysql"
    return stream_pages(connection, query) if paged else stream_rows(connection, query)


def stream_rows(connection: sa.Connection, query: PageQuery) -> Generator[Row]:
    """Read one result, some rows at a time."""
    alternatives, sort_key = select_events(query)
    events = select_in_order(alternatives, query, sort_key=sort_key)
    with connection.execute(events, execution_options={"yield_per": ROWS_IN_MEMORY}) as found:
        for rows in found.mappings().partitions():
            some = [dict(row) for row in rows]
            add_members(connection, some)
            yield from some


def stream_pages(connection: sa.Connection, query: PageQuery) -> Generator[Row]:
    """Read page after page."""
    query = replace(query, limit=ROWS_IN_MEMORY)
    while True:
        page = fetch_history(connection, query)
        yield from page.items
        if page.next is None:
            return
        query = replace(query, after=page.next)


def fetch_event(connection: sa.Connection, event_id: int) -> Row | None:
    """Return one event with its members, its delivery and raw body, or none."""
    event = fetch_row(connection, EVENTS.where(LifecycleEvent.id == event_id))
    if event is not None:
        add_members(connection, [event])
        event["delivery"] = fetch_delivery(connection, event["delivery_id"])
    return event


def fetch_events_by_id(connection: sa.Connection, event_ids: Sequence[int]) -> Mapping[int, Row]:
    """Return events without members, by ID; an unknown ID is left out."""
    query = EVENTS.where(LifecycleEvent.id.in_(EVENT_IDS))
    rows = connection.execute(query, {"event_ids": event_ids}).mappings()
    return {row["id"]: dict(row) for row in rows}


def fetch_event_of(connection: sa.Connection, delivery_id: int) -> Row | None:
    """Return the event that was read from a delivery, without members, or none."""
    return fetch_row(connection, EVENTS.where(LifecycleEvent.delivery_id == delivery_id))


def add_members(
    connection: sa.Connection, events: Sequence[Row], *, most: int | None = None
) -> None:
    """Add to each event the ``members`` it names, or the first of them, in Tencent's order."""
    query = FIND_MEMBERS if most is None else FIND_MEMBERS.where(EventMember.position < most)
    members: dict[int, list[str]] = defaultdict(list)
    for event_id, user_id in connection.execute(query, select_event_ids(events)):
        members[event_id].append(user_id)
    for event in events:
        event["members"] = members[event["id"]]


def add_first_members(connection: sa.Connection, events: Sequence[Row], most: int) -> None:
    """Add to each event the first ``members`` it names, and its ``member_count``."""
    add_members(connection, events, most=most)
    count_members(connection, events)


def count_members(connection: sa.Connection, events: Sequence[Row]) -> None:
    """Add to each event its ``member_count``."""
    found = connection.execute(COUNT_MEMBERS, select_event_ids(events))
    counts = {row.event_id: row.members for row in found}
    for event in events:
        event["member_count"] = counts.get(event["id"], 0)


def select_event_ids(events: Sequence[Row]) -> dict[str, Sequence[int]]:
    """Return the IDs of the events that may have members: each costs a page of a large table."""
    chosen = [one["id"] for one in events if one["command"] not in COMMANDS_WITHOUT_MEMBERS]
    return {"event_ids": chosen}
