"""Tell a callback that is delivered again from a new event that looks the same."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from models.database.many import is_among
from models.event import LifecycleEvent
from services.recording.callback import Callback

# Without EventTime, equal bodies further apart than this are different events: a group may be
# renamed to A, to B and to A again.
REPEAT_WINDOW = timedelta(seconds=60)

FIND_EVENTS = sa.select(
    LifecycleEvent.event_key,
    LifecycleEvent.occurrence,
    LifecycleEvent.delivery_id,
    LifecycleEvent.received_at,
).order_by(LifecycleEvent.occurrence)
FIND_BETWEEN = (
    sa.select(sa.literal(1))
    .where(
        LifecycleEvent.subject_id == sa.bindparam("subject_id"),
        LifecycleEvent.subject_type == sa.bindparam("subject_type"),
        LifecycleEvent.sdk_app_id == sa.bindparam("sdk_app_id"),
        LifecycleEvent.received_at > sa.bindparam("first"),
        LifecycleEvent.received_at < sa.bindparam("last"),
    )
    .limit(1)
)


class KnownEvent(NamedTuple):
    """An event that a callback may repeat.

    Attributes:
        occurrence: its number among the events with this key.
        delivery_id: the delivery it was read from.
        received_at: when that arrived.
    """

    occurrence: int
    delivery_id: int
    received_at: datetime


class Repeats:
    """The events that callbacks may repeat, those of earlier callbacks included.

    Only a transaction that has the turn to write may ask: nobody adds an event meanwhile.

    Attributes:
        events: by key, in order of occurrence.
        received: when the new events of a subject arrived.
    """

    def __init__(self) -> None:
        self.events: dict[str | None, list[KnownEvent]] = defaultdict(list)
        self.received: dict[tuple[str, str, str], list[datetime]] = defaultdict(list)

    def look_up(self, connection: sa.Connection, callbacks: Sequence[Callback]) -> None:
        """Fetch the events that have the keys of some callbacks."""
        keys = {one.event_key for one in callbacks} - {None, *self.events}
        if not keys:
            return
        has_key = is_among(connection, LifecycleEvent.event_key, [*keys])
        for key, occurrence, delivery_id, received_at in connection.execute(
            FIND_EVENTS.where(has_key)
        ):
            self.events[key].append(KnownEvent(occurrence, delivery_id, received_at))

    def place(self, connection: sa.Connection, callback: Callback) -> None:
        """Tell a callback that was looked up from a repeat; a new event is known from then on."""
        if callback.event_key is None:
            return
        equal = self.events[callback.event_key]
        for event in equal:
            if callback.is_timed or self.is_near(connection, event, callback):
                callback.occurrence, callback.duplicate_of = event.occurrence, event.delivery_id
                return
        callback.occurrence = equal[-1].occurrence + 1 if equal else 0
        equal.append(KnownEvent(callback.occurrence, callback.delivery_id, callback.received_at))
        self.received[callback.subject].append(callback.received_at)

    def is_near(self, connection: sa.Connection, event: KnownEvent, callback: Callback) -> bool:
        """Tell whether a callback without a time of its own repeats an equal event.

        Both arrived at about the same time, and no other event of the subject between them.
        """
        first, last = sorted((event.received_at, callback.received_at))
        if last - first > REPEAT_WINDOW:
            return False
        if any(first < at < last for at in self.received[callback.subject]):
            return False
        names = ("sdk_app_id", "subject_type", "subject_id", "first", "last")
        between = dict(zip(names, (*callback.subject, first, last), strict=True))
        return connection.scalar(FIND_BETWEEN, between) is None
