"""Compare what the senders saw with the content of the database."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush

import sqlalchemy as sa

from models.database.engine import connect_to_read
from models.tables import (
    Delivery,
    EventMember,
    JournalMark,
    LifecycleEvent,
    MinuteCount,
    ServiceEvent,
)
from models.vocabulary import Measure, ServiceEventKind, Verdict
from tests.faults.callbacks import Callback
from tests.faults.rig.sender import Attempt

CLOCK_TOLERANCE = 1000  # microseconds
NEVER = 2**63


@dataclass(frozen=True)
class StoredDelivery:
    """A row of ``deliveries``."""

    id: int
    body: bytes
    verdict: str
    received_at: datetime


@dataclass(frozen=True)
class StoredEvent:
    """A row of ``lifecycle_events``, and the number of its members."""

    delivery_id: int
    subject_id: str
    received_at: datetime
    members: int


@dataclass(frozen=True)
class Findings:
    """What is wrong, by marker; all empty if every promise was kept.

    Attributes:
        lost: acknowledged more often than stored.
        forged: stored more often than sent, or never sent with these bytes.
        misdated: stored with an instant at which no sender was waiting for an answer.
        doubled: more than one event.
        misread: with another verdict, event or members than the body calls for.
    """

    lost: tuple[str, ...] = ()
    forged: tuple[str, ...] = ()
    misdated: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    misread: tuple[str, ...] = ()


def read_database(url: sa.URL) -> tuple[list[StoredDelivery], list[StoredEvent]]:
    """Read everything that is stored, bypassing the service."""
    deliveries = sa.select(Delivery.id, Delivery.body, Delivery.verdict, Delivery.received_at)
    members = sa.select(sa.func.count()).where(EventMember.event_id == LifecycleEvent.id)
    events = sa.select(
        LifecycleEvent.delivery_id,
        LifecycleEvent.subject_id,
        LifecycleEvent.received_at,
        members.scalar_subquery(),
    )
    with connect_to_read(url) as connection:
        return (
            [StoredDelivery(*row) for row in connection.execute(deliveries)],
            [StoredEvent(*row) for row in connection.execute(events)],
        )


def read_marks(url: sa.URL) -> dict[str, int]:
    """Read how far each segment is recorded."""
    with connect_to_read(url) as connection:
        rows = connection.execute(sa.select(JournalMark.segment, JournalMark.recorded_bytes))
        return {row.segment: row.recorded_bytes for row in rows}


def read_counts(url: sa.URL) -> dict[Measure, int]:
    """Add up what was counted; of delays, find the largest."""
    value = MinuteCount.value
    query = sa.select(MinuteCount.measure, sa.func.sum(value), sa.func.max(value))
    with connect_to_read(url) as connection:
        return {
            Measure(measure): int(largest if measure == Measure.DELAY_MICROSECONDS else total)
            for measure, total, largest in connection.execute(query.group_by(MinuteCount.measure))
        }


def read_losses(url: sa.URL) -> int:
    """Add up the losses that the service reports."""
    query = sa.select(ServiceEvent.details)
    query = query.where(ServiceEvent.kind == ServiceEventKind.CALLBACKS_LOST)
    with connect_to_read(url) as connection:
        return sum(details["count"] for details in connection.scalars(query))


def check(
    attempts: Iterable[Attempt],
    deliveries: Iterable[StoredDelivery],
    events: Iterable[StoredEvent],
) -> Findings:
    """Find every broken promise; nothing may be stored while this runs."""
    sent, stored, told = defaultdict(list), defaultdict(list), defaultdict(list)
    for attempt in attempts:
        sent[attempt.callback.body].append(attempt)
    for delivery in deliveries:
        stored[delivery.body].append(delivery)
    for event in events:
        told[event.delivery_id].append(event)

    unsent = [body.decode(errors="replace")[:80] for body in stored if body not in sent]
    found = {"lost": [], "forged": unsent, "misdated": [], "doubled": [], "misread": []}
    for body, tries in sent.items():
        rows = stored[body]
        for fault in faults_of(tries, rows, [event for row in rows for event in told[row.id]]):
            found[fault].append(tries[0].callback.marker)
    return Findings(**{fault: tuple(markers) for fault, markers in found.items()})


def faults_of(
    tries: list[Attempt], rows: list[StoredDelivery], events: list[StoredEvent]
) -> Iterable[str]:
    """Name what is wrong with one callback."""
    acknowledged = sum(attempt.acknowledged for attempt in tries)
    if len(rows) < acknowledged:
        yield "lost"
    if len(rows) > len(tries):
        yield "forged"
    elif len(rows) >= acknowledged and not is_dated_right(tries, rows):
        yield "misdated"
    if len(events) > 1:
        yield "doubled"
    elif rows and not is_read_right(tries[0].callback, rows, events):
        yield "misread"


def is_dated_right(tries: list[Attempt], rows: list[StoredDelivery]) -> bool:
    """Tell whether each row matches an attempt of its own, and no acknowledgement is left over.

    A row goes to the attempt that was answered first of those under way. One that was never
    acknowledged may have been received after its sender gave up.
    """
    waiting = sorted(
        (attempt.sent_at, attempt.answered_at if attempt.acknowledged else NEVER)
        for attempt in tries
    )
    under_way: list[int] = []
    for instant in sorted(int(row.received_at.timestamp() * 1e6) for row in rows):
        while waiting and waiting[0][0] <= instant + CLOCK_TOLERANCE:
            heappush(under_way, waiting.pop(0)[1])
        if not under_way or heappop(under_way) < instant - CLOCK_TOLERANCE:
            return False
    return all(end == NEVER for end in [*under_way, *(end for _, end in waiting)])


def is_read_right(
    callback: Callback, rows: list[StoredDelivery], events: list[StoredEvent]
) -> bool:
    """Tell whether the first delivery made the event that its body calls for, and no other did."""
    verdicts = sorted(row.verdict for row in rows)
    if callback.members is None:
        return not events and set(verdicts) == {Verdict.UNHANDLED}
    received_at = {row.id: row.received_at for row in rows}
    return verdicts == [Verdict.ACCEPTED] + [Verdict.DUPLICATE] * (len(rows) - 1) and all(
        event.subject_id == callback.marker
        and event.received_at == received_at[event.delivery_id]
        and event.members == callback.members
        for event in events
    )
