"""The statements that put callbacks into the tables, inside somebody else's transaction."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import sqlalchemy as sa

from models.delivery import Delivery
from models.event import EventMember, LifecycleEvent
from services.callback import Callback
from services.repeats import Place, find_places
from services.rows import to_delivery, to_event, to_members

# Written once: to build a statement takes longer than to run it.
STORE_DELIVERIES = sa.insert(Delivery)
STORE_EVENTS = sa.insert(LifecycleEvent)
STORE_MEMBERS = sa.insert(EventMember)
FIND_DELIVERIES = sa.select(Delivery.uuid, Delivery.id).where(
    Delivery.uuid.in_(sa.bindparam("uuids", expanding=True))
)
FIND_EVENTS = sa.select(LifecycleEvent.delivery_id, LifecycleEvent.id).where(
    LifecycleEvent.delivery_id.in_(sa.bindparam("delivery_ids", expanding=True))
)


def append(connection: sa.Connection, callbacks: Sequence[Callback]) -> None:
    """Add the rows of some callbacks to the caller's transaction, a statement for each table.

    Two of them may be the same event: the second then waits for another round, which finds the
    event of the first like any other.
    """
    places = find_places(connection, [one for one in callbacks if one.event_key is not None])
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
        append(connection, later)


def insert_events(
    connection: sa.Connection, callbacks: Sequence[Callback], places: Mapping[Callback, Place]
) -> None:
    """Insert the events of stored callbacks, and the users they name.

    Events go in order of their keys: two processes that store the same ones then wait for each
    other in turn, not in a circle.
    """
    ids = fetch_ids(connection, callbacks)
    facts = [(callback, callback.reading.fact) for callback in callbacks if callback.reading.fact]
    events = [to_event(one, fact, places[one], ids[one.uuid]) for one, fact in facts]
    connection.execute(
        sa.insert(LifecycleEvent), sorted(events, key=lambda event: event["event_key"])
    )
    naming = {ids[one.uuid]: (one, fact) for one, fact in facts if fact.members}
    if naming:
        found = connection.execute(FIND_EVENTS, {"delivery_ids": list(naming)})
        members = [
            member
            for delivery_id, event_id in found
            for member in to_members(*naming[delivery_id], event_id)
        ]
        connection.execute(STORE_MEMBERS, members)


def fetch_ids(
    connection: sa.Connection, callbacks: Sequence[Callback]
) -> Mapping[UUID | None, int]:
    """Look up which callbacks are stored, and as which delivery."""
    uuids = [callback.uuid for callback in callbacks]
    return dict(connection.execute(FIND_DELIVERIES, {"uuids": uuids}).all())
