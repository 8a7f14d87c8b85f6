"""Tell a callback that is delivered again from a new event that looks the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from models.event import LifecycleEvent
from services.callback import Callback

# Without EventTime, equal bodies further apart than this are different events: a group may be
# renamed to A, to B and to A again.
REPEAT_WINDOW = timedelta(seconds=60)

FIRST_DELIVERY = sa.func.min(LifecycleEvent.delivery_id)
NEXT_OCCURRENCE = sa.func.coalesce(sa.func.max(LifecycleEvent.occurrence) + 1, 0)
FIND_EVENTS = (
    sa.select(LifecycleEvent.event_key, NEXT_OCCURRENCE, FIRST_DELIVERY)
    .where(LifecycleEvent.event_key.in_(sa.bindparam("keys", expanding=True)))
    .group_by(LifecycleEvent.event_key)
)


@dataclass(frozen=True)
class Place:
    """Where a fact belongs among the events with its key.

    Attributes:
        occurrence: the number a new event takes; the database lets only one have it.
        duplicate_of: the delivery whose event this repeats, or none if it is a new event.
    """

    occurrence: int = 0
    duplicate_of: int | None = None


NEW = Place()


def find_places(
    connection: sa.Connection, callbacks: Sequence[Callback], *, look_up_repeats: bool = True
) -> Mapping[Callback, Place]:
    """Look for the events that some lifecycle callbacks repeat.

    The answer holds only until somebody else stores the same event, which the unique key of
    ``lifecycle_events`` then reports: look again in a new transaction.

    Repeats are rare, and a look-up costs a round trip. So, unless ``look_up_repeats``, all that
    have an ``EventTime`` are taken for new ones, and it is left to the unique key to say otherwise.
    """
    timed = [callback for callback in callbacks if has_time(callback)] if look_up_repeats else []
    keys = {callback.event_key for callback in timed}
    found = connection.execute(FIND_EVENTS, {"keys": list(keys)}) if keys else ()
    known: dict[str | None, Place] = {key: Place(*place) for key, *place in found}
    return {
        callback: (
            known.get(callback.event_key, NEW)
            if has_time(callback)
            else find_near_place(connection, callback)
        )
        for callback in callbacks
    }


def has_time(callback: Callback) -> bool:
    """Tell whether Tencent says when it happened."""
    return callback.reading.fact is not None and callback.reading.fact.event_time is not None


def find_near_place(connection: sa.Connection, callback: Callback) -> Place:
    """Look for an equal event that was received at about the same time."""
    received_at = callback.arrival.received_at
    near = LifecycleEvent.received_at.between(
        received_at - REPEAT_WINDOW, received_at + REPEAT_WINDOW
    )
    first_near = sa.func.min(sa.case((near, LifecycleEvent.delivery_id)))
    query = sa.select(NEXT_OCCURRENCE, first_near).where(
        LifecycleEvent.event_key == callback.event_key
    )
    return Place(*connection.execute(query).one())
