"""The statements that put callbacks into the tables, inside somebody else's transaction."""

from collections.abc import Mapping, Sequence, Set
from uuid import UUID

import sqlalchemy as sa

from models.delivery import Delivery
from models.event import EventMember, LifecycleEvent
from services.callback import Callback
from services.repeats import Place, find_places
from services.rows import to_delivery, to_event, to_members

# Written once: to build a statement takes longer than to run it.
STORE_DELIVERIES = sa.insert(Delivery)
STORE_EVENTS = sa.insert(LifecycleEvent).values(
    delivery_id=sa.select(Delivery.id)
    .where(Delivery.uuid == sa.bindparam("delivery_uuid"))
    .scalar_subquery()
)
STORE_MEMBERS = sa.insert(EventMember).values(
    event_id=sa.select(LifecycleEvent.id)
    .where(
        LifecycleEvent.event_key == sa.bindparam("event_key"),
        LifecycleEvent.occurrence == sa.bindparam("event_occurrence"),
    )
    .scalar_subquery()
)
FIND_DELIVERIES = sa.select(Delivery.uuid).where(
    Delivery.uuid.in_(sa.bindparam("uuids", expanding=True))
)


def append(
    connection: sa.Connection, callbacks: Sequence[Callback], *, look_up_repeats: bool
) -> None:
    """Add the rows of some callbacks to the caller's transaction, a statement for each table.

    Two of them may be the same event: the second then waits for another round, which finds the
    event of the first like any other. One that repeats what is stored violates the unique key,
    unless ``look_up_repeats``.
    """
    facts = [callback for callback in callbacks if callback.event_key is not None]
    places = find_places(connection, facts, look_up_repeats=look_up_repeats)
    now: list[Callback] = []
    later: list[Callback] = []
    new: dict[str | None, Callback] = {}
    for callback in callbacks:
        if callback.event_key in new:
            later.append(callback)
            continue
        now.append(callback)
        if callback in places and places[callback].duplicate_of is None:
            new[callback.event_key] = callback
    if now:
        rows = [to_delivery(callback, places.get(callback)) for callback in now]
        connection.execute(STORE_DELIVERIES, rows)
    if new:
        insert_events(connection, list(new.values()), places)
    if later:
        append(connection, later, look_up_repeats=True)


def insert_events(
    connection: sa.Connection, callbacks: Sequence[Callback], places: Mapping[Callback, Place]
) -> None:
    """Insert the events of stored callbacks, and the users they name.

    Events go in order of their keys: two processes that store the same ones then wait for each
    other in turn, not in a circle.
    """
    facts = [(callback, callback.reading.fact) for callback in callbacks if callback.reading.fact]
    rows = [to_event(callback, fact, places[callback]) for callback, fact in facts]
    connection.execute(STORE_EVENTS, sorted(rows, key=lambda row: row["event_key"]))
    members = [
        member
        for callback, fact in facts
        for member in to_members(callback, fact, places[callback])
    ]
    if members:
        connection.execute(STORE_MEMBERS, members)


def find_stored(connection: sa.Connection, callbacks: Sequence[Callback]) -> Set[UUID | None]:
    """Look up which callbacks are stored already."""
    uuids = [callback.uuid for callback in callbacks]
    return set(connection.scalars(FIND_DELIVERIES, {"uuids": uuids}))
