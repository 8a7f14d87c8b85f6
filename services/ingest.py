"""Append deliveries and the events they mean, many in one transaction."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from models.delivery import Delivery
from models.event import EventMember, LifecycleEvent
from schemas.envelope import Arrival
from services.callback import Callback, to_callback
from services.repeats import Place, find_places
from services.rows import to_delivery, to_event, to_members

ATTEMPTS = 3
UNUSED_ID = -1  # so that a rehearsal leaves no gap
PG_DEADLOCK, MYSQL_DEADLOCK = "40P01", 1213


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


def store_callbacks(engine: sa.Engine, callbacks: Sequence[Callback]) -> None:
    """Store some callbacks, whatever could be read from them; durable once this returns.

    All are one transaction; with none at all it is only made sure that one would be taken. Where
    two processes store the same event at once, the unique key stops the second, which then looks
    again and finds the first.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database did not take them; none was stored, or, if
            the connection was lost while committing, that is not known.
    """
    if not callbacks:
        rehearse(engine)
        return
    in_doubt = any(callback.in_doubt for callback in callbacks)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with engine.begin() as connection:
                append(connection, leave_out_stored(connection, callbacks, in_doubt=in_doubt))
        except DBAPIError as error:
            if attempt == ATTEMPTS or not is_conflict(error):
                raise
            in_doubt = True
        else:
            return


def is_conflict(error: DBAPIError) -> bool:
    """Tell whether somebody else's transaction undid this one: another try may succeed."""
    deadlock = getattr(error.orig, "sqlstate", None) == PG_DEADLOCK or (
        error.orig is not None and error.orig.args[:1] == (MYSQL_DEADLOCK,)
    )
    return isinstance(error, IntegrityError) or deadlock


def leave_out_stored(
    connection: sa.Connection, callbacks: Sequence[Callback], *, in_doubt: bool
) -> Sequence[Callback]:
    """Drop the callbacks that an earlier try has stored after all."""
    stored = fetch_ids(connection, callbacks) if in_doubt else {}
    return [callback for callback in callbacks if callback.uuid not in stored]


def fetch_ids(
    connection: sa.Connection, callbacks: Sequence[Callback]
) -> Mapping[UUID | None, int]:
    """Look up which callbacks are stored, and as which delivery."""
    uuids = [callback.uuid for callback in callbacks]
    return dict(connection.execute(FIND_DELIVERIES, {"uuids": uuids}).all())


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


def rehearse(engine: sa.Engine) -> None:
    """Make sure that a delivery would be taken, without leaving one.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database is away, read-only, full or not migrated.
    """
    nobody = Arrival(datetime.now(UTC), peer="", query_string="")
    row = to_delivery(to_callback(nobody, sdk_app_id="", body=b""), place=None)
    with engine.connect() as connection:
        connection.execute(STORE_DELIVERIES, {**row, "id": UNUSED_ID})
        connection.rollback()
