"""Tell a repeated callback from a new event that looks the same."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from models.database.many import fetch_among
from models.event import LifecycleEvent
from services.recording.callback import Callback

# Without EventTime, equal bodies further apart than this are different events: a group may be
# renamed to A, to B, and to A again.
REPEAT_WINDOW = timedelta(seconds=60)
# Where many events share an instant, so do most callbacks of a batch: then their keys are looked up
# as well. Otherwise the time alone leads to an event.
MAX_INDEX_STEPS = 2_500

FIND_EVENTS = sa.select(
    LifecycleEvent.event_key, LifecycleEvent.delivery_id, LifecycleEvent.received_at
).order_by(LifecycleEvent.id)
FIND_NEAR = FIND_EVENTS.where(
    LifecycleEvent.occurred_at.between(sa.bindparam("first"), sa.bindparam("last"))
)
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


class Repeats:
    """The events that callbacks may repeat, including those of earlier callbacks of the batch.

    Only a transaction that has the turn to write may use this: no other adds events meanwhile.

    Attributes:
        events: by key, and by ID of the delivery, when that delivery arrived.
        received: by subject, when its new events arrived.
    """

    def __init__(self) -> None:
        self.events: dict[UUID, dict[int, datetime]] = defaultdict(dict)
        self.received: dict[tuple[str, str, str], list[datetime]] = defaultdict(list)

    def look_up(self, connection: sa.Connection, callbacks: Sequence[Callback]) -> None:
        """Fetch the events that some callbacks may repeat: those with the same time.

        Where Tencent tells no time, an event of the subject at about that time counts.
        """
        found: list[Any] = []
        stating = [one for one in callbacks if one.event_key is not None]
        if timed := [one for one in stating if one.is_timed]:
            times, keys = {one.occurred_at for one in timed}, {one.event_key for one in timed}
            equal: dict[Any, Iterable[Any]] = {LifecycleEvent.occurred_at: times}
            if len(times) * len(keys) <= MAX_INDEX_STEPS:
                equal[LifecycleEvent.event_key] = keys
            found += fetch_among(connection, FIND_EVENTS, equal)
        if untimed := [one for one in stating if not one.is_timed]:
            arrivals = [one.record.received_at for one in untimed]
            found += fetch_among(
                connection,
                FIND_NEAR,
                {LifecycleEvent.subject_id: {one.subject[-1] for one in untimed}},
                first=min(arrivals) - REPEAT_WINDOW,
                last=max(arrivals) + REPEAT_WINDOW,
            )
        for key, delivery_id, received_at in found:
            self.events[key][delivery_id] = received_at

    def place(self, connection: sa.Connection, callback: Callback) -> None:
        """Decide whether a callback that was looked up is a repeat; remember it if it is new."""
        if callback.event_key is None:
            return
        equal = self.events[callback.event_key]
        for delivery_id, received_at in equal.items():
            if callback.is_timed or self.is_near(connection, received_at, callback):
                callback.duplicate_of = delivery_id
                return
        equal[callback.delivery_id] = callback.record.received_at
        self.received[callback.subject].append(callback.record.received_at)

    def is_near(self, connection: sa.Connection, received_at: datetime, callback: Callback) -> bool:
        """Tell whether a callback without a time of its own repeats an equal event.

        Both arrived at about the same time, without another event of the subject in between.
        """
        first, last = sorted((received_at, callback.record.received_at))
        if last - first > REPEAT_WINDOW:
            return False
        if any(first < at < last for at in self.received[callback.subject]):
            return False
        names = ("sdk_app_id", "subject_type", "subject_id", "first", "last")
        between = dict(zip(names, (*callback.subject, first, last), strict=True))
        return connection.scalar(FIND_BETWEEN, between) is None
