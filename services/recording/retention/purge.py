"""Purge in small steps, each in its own transaction, so that nothing is delayed.

Each step stores how far it has purged; nothing older is recorded again.
"""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from config import RecorderSettings
from models.clock import EPOCH, HOUR
from models.database.many import delete
from models.delivery import Delivery, has_verdict
from models.event import LifecycleEvent
from models.ledger import Ledger
from models.quarantine import QuarantinedRequest
from models.vocabulary import Verdict
from services.recording.database import RecorderDatabase
from services.recording.ledger import Numbers
from services.recording.retention.events import purge_deliveries

STEP_SECONDS = 0.1  # that a step should take: nothing is recorded meanwhile
FEWEST_DELIVERIES = 50  # of a step: each may be on a separate page of every index
MOST_DELIVERIES = 5_000
MOST_GROWTH = 1.25  # from step to step
BODY_BYTES = 2_500  # of a delivery, on average: it names that many members
MICROSECOND = timedelta(microseconds=1)  # the least step in time of a column

UNHANDLED = has_verdict(Verdict.UNHANDLED) & ~sa.exists().where(
    LifecycleEvent.delivery_id == Delivery.id  # a replayed delivery has an event
)


class Limits(NamedTuple):
    """Since when deliveries, and unhandled ones, are kept: whole hours, so that steps are few."""

    all: datetime
    unhandled: datetime


def find_limits(settings: RecorderSettings, now: datetime) -> Limits:
    """Return the limits at an instant."""
    kept = [
        EPOCH if keep is None else EPOCH + (now - keep - EPOCH) // HOUR * HOUR
        for keep in (settings.retention, settings.unhandled_retention)
    ]
    return Limits(kept[0], max(kept))


NOTHING = Limits(EPOCH, EPOCH)


class Step(NamedTuple):
    """How many requests one step looked at, 0 once all are purged, and how many it purged."""

    seen: int
    purged: int


class Purge:
    """Purges step by step; a step has as many deliveries as fit in ``STEP_SECONDS``.

    Attributes:
        most: how many deliveries the next step may have.
    """

    def __init__(self, database: RecorderDatabase) -> None:
        self.database = database
        self.most = FEWEST_DELIVERIES

    def step(self, limits: Limits, *, least: int = 0) -> Step:
        """Purge the next requests that are too old.

        Args:
            limits: since when they are kept.
            least: how many deliveries to take in any case, if there are so many: as many as were
                recorded meanwhile, so that the purge does not fall behind.

        Raises:
            NotReadyError, sqlalchemy.exc.SQLAlchemyError: the database rejects it.
        """
        most = min(max(self.most, least), MOST_DELIVERIES)
        with self.database.begin() as connection:
            numbers = Numbers.lock(connection)
            begun = time.monotonic()
            step = purge_some(connection, numbers, limits, most=most)
            numbers.store(connection)
            growth = min(STEP_SECONDS / (time.monotonic() - begun), MOST_GROWTH)
        self.most = max(int(most * growth), FEWEST_DELIVERIES)
        return step


def purge_some(connection: sa.Connection, numbers: Numbers, limits: Limits, *, most: int) -> Step:
    """Purge the next requests that are too old, up to a number of each kind."""
    purged = seen = purge_refused(connection, limits.all, most)
    if numbers.kept_since < limits.all:
        until, ids = find_window(connection, sa.true(), numbers.kept_since, limits.all, most)
        seen += len(ids)
        purged += purge_deliveries(connection, ids, until)
        numbers.kept_since = until
    if numbers.unhandled_kept_since < limits.unhandled:
        since = numbers.unhandled_kept_since
        until, ids = find_window(connection, UNHANDLED, since, limits.unhandled, most)
        seen += len(ids)
        purged += len(ids)
        delete(connection, Delivery.id, ids)
        numbers.unhandled_kept_since = until
    return Step(seen, purged)


def find_window(
    connection: sa.Connection,
    which: sa.ColumnElement[bool],
    since: datetime,
    limit: datetime,
    most: int,
) -> tuple[datetime, Sequence[int]]:
    """Return up to when the next step purges deliveries of a kind, and the IDs of these."""
    of_kind = sa.select(Delivery.id, Delivery.received_at, sa.func.length(Delivery.body))
    of_kind = of_kind.where(which, Delivery.received_at >= since).order_by(Delivery.received_at)
    until, size = limit, 0
    query = of_kind.where(Delivery.received_at < limit).limit(most + 1)
    rows = connection.execute(query).all()
    for number, (_, received_at, body_bytes) in enumerate(rows):
        if number == most or size > most * BODY_BYTES:  # those of one instant go in one step
            until = max(received_at, rows[0].received_at + MICROSECOND)
            break
        size += body_bytes
    return until, connection.scalars(of_kind.where(Delivery.received_at < until)).all()


def purge_refused(connection: sa.Connection, limit: datetime, most: int) -> int:
    """Purge the next refused requests that arrived before a limit; return how many."""
    query = sa.select(QuarantinedRequest.id).where(QuarantinedRequest.received_at < limit)
    ids = connection.scalars(query.order_by(QuarantinedRequest.received_at).limit(most)).all()
    delete(connection, QuarantinedRequest.id, ids)
    return len(ids)


class Due(NamedTuple):
    """Requests of one kind that are too old: of a verdict, or ``refused``."""

    kind: str
    requests: int
    oldest: datetime
    newest: datetime


def count_due(connection: sa.Connection, limits: Limits) -> list[Due]:
    """Count what is too old by kind, including what the states of subjects rest on."""
    kept_since = connection.scalars(sa.select(Ledger.kept_since)).one()
    is_due = (Delivery.received_at < limits.all) | (
        UNHANDLED & (Delivery.received_at < limits.unhandled)
    )
    deliveries = sa.select(Delivery.verdict, *measure(Delivery.received_at))
    deliveries = deliveries.where(is_due, Delivery.received_at >= kept_since)
    refused = sa.select(sa.literal("refused"), *measure(QuarantinedRequest.received_at))
    refused = refused.where(QuarantinedRequest.received_at < limits.all)
    rows = connection.execute(deliveries.group_by(Delivery.verdict).order_by(Delivery.verdict))
    return [Due(*row) for row in (*rows, *connection.execute(refused)) if row[1]]


def measure(at: Any) -> tuple[Any, ...]:
    """Return how many there are, with the oldest and the newest time."""
    return sa.func.count(), sa.func.min(at), sa.func.max(at)
