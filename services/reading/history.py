"""Read the history: lifecycle events, the users they name, and their repeats."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from models.delivery import Delivery
from models.event import EventMember, LifecycleEvent
from models.vocabulary import SubjectType
from schemas.api.page import PageQuery
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from services.reading.deliveries import fetch_delivery
from services.reading.facets import Facets, count_facets
from services.reading.pages import (
    IDS,
    SIZE,
    Page,
    Row,
    Rows,
    SortKey,
    cut_to_fit,
    fetch_by_id,
    fetch_page,
    fetch_row,
    fetch_whole,
    keep_equal,
)


class CommandOfEvent(sa.TypeDecorator[str]):
    """The command of an event, told by its subject type and action."""

    impl = sa.String
    cache_ok = True

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Return the name of the command; a later release may know more of them."""
        return None if value is None else COMMANDS.get(value)


COMMANDS = {
    f"{schema.subject_type}{schema.action}": command
    for command, schema in LIFECYCLE_SCHEMAS.items()
}
COMMAND = sa.type_coerce(LifecycleEvent.subject_type + LifecycleEvent.action, CommandOfEvent)
SHOWN = [*LifecycleEvent.__table__.columns, COMMAND.label("command")]
BODY_SIZE = (
    sa.select(sa.func.length(Delivery.body))
    .where(
        Delivery.id == LifecycleEvent.delivery_id,
        Delivery.received_at == LifecycleEvent.received_at,  # leads to one month
    )
    .scalar_subquery()
    .label(SIZE)
)
DELIVERY_COUNT = (
    sa.select(sa.func.count() + 1)
    .where(Delivery.duplicate_of == LifecycleEvent.delivery_id)
    .scalar_subquery()
    .label("delivery_count")
)
EVENTS = sa.select(*SHOWN, DELIVERY_COUNT)
# When and how an event came about, without its subject.
MOMENTS = sa.select(
    *LifecycleEvent.__table__.c["id", "action", "occurred_at", "operator", "platform"],
    *LifecycleEvent.__table__.c["client_ip", "delivery_id", "event_time"],
)
# The columns that lead to whole events, which may be large, and those of events in a list.
PLACES = sa.select(LifecycleEvent.id, LifecycleEvent.occurred_at, BODY_SIZE)
LISTED = sa.select(*(column for column in SHOWN if column.key != "details"))
FACETS = ("action", "operator", "sdk_app_id")
EVENT_KEY = (LifecycleEvent.occurred_at, LifecycleEvent.id)
MEMBER_KEY = (EventMember.occurred_at, EventMember.event_id)
COUNTED = sa.select(*LifecycleEvent.__table__.c[FACETS], *EVENT_KEY)
FILTERED = LifecycleEvent.__table__.c[
    "subject_type", "subject_id", "operator", "owner", "sdk_app_id"
]
FIND_MEMBERS = (
    sa.select(EventMember.event_id, EventMember.user_id)
    .where(EventMember.event_id.in_(IDS))
    .order_by(EventMember.event_id, EventMember.position)
)
COUNT_MEMBERS = (
    sa.select(EventMember.event_id, sa.func.count().label("members"))
    .where(EventMember.event_id.in_(IDS))
    .group_by(EventMember.event_id)
)
COMMANDS_WITHOUT_MEMBERS = {
    command for command, schema in LIFECYCLE_SCHEMAS.items() if not schema.names_users
}
FIRST_MEMBERS = 1  # of an event in a list


def fetch_history(connection: sa.Connection, query: PageQuery) -> Page:
    """Return a page of events by ``occurred_at``, each with all the ``members`` it names.

    The page is cut to fit: the size of an event is that of the body it was read from.
    """
    page = fetch_whole(connection, fetch_events(connection, PLACES, query), EVENTS)
    add_members(connection, page.items)
    return page


def fetch_event_list(connection: sa.Connection, query: PageQuery) -> Page:
    """Return a page of events by ``occurred_at``, each with its first member, without details."""
    page = fetch_events(connection, LISTED, query)
    add_first_members(connection, page.items, FIRST_MEMBERS)
    return page


def count_event_facets(connection: sa.Connection, query: PageQuery) -> Facets:
    """Count the events that pass the filters by subject type and action, operator and app."""
    alternatives, sort_key = filter_events(COUNTED, query)
    return count_facets(connection, alternatives, query, FACETS, sort_key=sort_key)


def fetch_events(connection: sa.Connection, events: Rows, query: PageQuery) -> Page:
    """Return a page of the events that pass the filters."""
    alternatives, sort_key = filter_events(events, query)
    return fetch_page(connection, alternatives, query, sort_key=sort_key)


def filter_events(events: Rows, query: PageQuery) -> tuple[list[Rows], SortKey]:
    """Return selections of the events that pass the filters, each in the order of an index."""
    wanted, rows = query.filters, keep_equal(events, query, *FILTERED)
    if "member" in wanted:
        return select_events_of_member(rows, query)
    if "action" not in wanted:
        return [rows], EVENT_KEY
    if not {"operator", "owner"}.isdisjoint(wanted):  # a user has few enough events of any action
        return [rows.where(LifecycleEvent.action.in_(wanted["action"]))], EVENT_KEY
    kinds = [wanted["subject_type"]] if "subject_type" in wanted else SubjectType
    return [
        rows.where(LifecycleEvent.subject_type == kind, LifecycleEvent.action == action)
        for kind in kinds
        for action in {*wanted["action"]}
    ], EVENT_KEY


def select_events_of_member(rows: Rows, query: PageQuery) -> tuple[list[Rows], SortKey]:
    """Keep the events that name a user, in the order of an index that begins with the user.

    Within a subject, that index begins with the subject.
    """
    named = EventMember.event_id == LifecycleEvent.id
    rows = rows.join(EventMember, named).add_columns(EventMember.event_id)
    rows = rows.where(EventMember.user_id == query.filters["member"])
    if "action" in query.filters:
        rows = rows.where(LifecycleEvent.action.in_(query.filters["action"]))
    rows = keep_equal(rows, query, EventMember.subject_id)
    return [rows], MEMBER_KEY


def fetch_event(connection: sa.Connection, event_id: int, *, is_raw: bool = True) -> Row | None:
    """Return one event with its members and its delivery, raw or not; or none."""
    event = fetch_row(connection, EVENTS.where(LifecycleEvent.id == event_id))
    if event is not None:
        add_members(connection, [event])
        event["delivery"] = fetch_delivery(connection, event["delivery_id"], is_raw=is_raw)
    return event


def fetch_events_by_id(connection: sa.Connection, event_ids: Sequence[int]) -> Mapping[int, Row]:
    """Return events without members, by ID; unknown IDs are left out."""
    return fetch_by_id(connection, EVENTS, event_ids)


def fetch_moments(connection: sa.Connection, event_ids: Iterable[int]) -> Mapping[int, Row]:
    """Return when and how some events came about, by ID."""
    return fetch_by_id(connection, MOMENTS, {*event_ids})


def count_fitting(connection: sa.Connection, event_ids: Sequence[int]) -> int:
    """Return how many of these events, from the first on, fit on a page."""
    places = fetch_by_id(connection, PLACES, event_ids)
    return len(cut_to_fit([places[event_id] for event_id in event_ids]))


def fetch_event_of(connection: sa.Connection, delivery_id: int) -> Row | None:
    """Return the event that was read from a delivery, without members, or none."""
    return fetch_row(connection, EVENTS.where(LifecycleEvent.delivery_id == delivery_id))


def add_members(
    connection: sa.Connection, events: Sequence[Row], *, most: int | None = None
) -> None:
    """Add to each event the ``members`` it names, or only the first, in Tencent's order."""
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
    """Return the IDs of the events that may have members: each look-up reads a large table."""
    chosen = [one["id"] for one in events if one["command"] not in COMMANDS_WITHOUT_MEMBERS]
    return {"ids": chosen}
