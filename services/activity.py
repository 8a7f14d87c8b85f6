"""What arrives: how many callbacks an hour, what became of them, and what has ceased to come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from models.delivery import Delivery
from models.quarantine import QuarantinedRequest
from models.vocabulary import Verdict
from schemas.registry import LIFECYCLE_SCHEMAS

HOUR = timedelta(hours=1)
MOST_COUNTED = 100_000  # of an hour and verdict, so that a busy service is not held up by its count
DAY = timedelta(days=1)
DAYS, REGULAR_DAYS = 7, 4  # a command that came on so many of the last days is expected
FORGOTTEN = timedelta(days=30)


@dataclass(frozen=True)
class Silence:
    """A command that used to come and does no more.

    Attributes:
        last: when it came last.
        days: on how many of the ``DAYS`` until then it had come.
    """

    command: str
    last: datetime
    days: int


def count_by_hour(
    session: Session, *, until: datetime, hours: int
) -> Sequence[tuple[datetime, Mapping[str, int]]]:
    """Count the deliveries of each of the last hours by verdict, and requests ``refused``.

    Each count is of one range of an index, and stops at ``MOST_COUNTED``.

    Returns:
        The start of every full hour of the clock, oldest first, with its counts by word.
    """
    last = until.replace(minute=0, second=0, microsecond=0)
    starts = [last - number * HOUR for number in reversed(range(hours))]
    counts = [
        sa.select(sa.literal(number), sa.literal(word), count)
        for number, start in enumerate(starts)
        for word, count in select_counts(start).items()
    ]
    found: list[dict[str, int]] = [{} for _ in starts]
    for number, word, count in session.execute(sa.union_all(*counts)):
        found[number][word] = count
    return list(zip(starts, found, strict=True))


def select_counts(start: datetime) -> Mapping[str, sa.ScalarSelect[int]]:
    """Select the counts of one hour by word."""
    of_hour = {
        table: sa.select(sa.literal(1)).where(
            table.received_at >= start, table.received_at < start + HOUR
        )
        for table in (Delivery, QuarantinedRequest)
    }
    counted = {
        verdict.value: of_hour[Delivery].where(Delivery.verdict == verdict) for verdict in Verdict
    }
    counted["refused"] = of_hour[QuarantinedRequest]
    return {
        word: sa.select(sa.func.count())
        .select_from(rows.limit(MOST_COUNTED).subquery())
        .scalar_subquery()
        for word, rows in counted.items()
    }


def find_silences(session: Session, *, now: datetime) -> Sequence[Silence]:
    """Find the lifecycle commands that came on most days, and have ceased to come lately."""
    found = []
    for command in LIFECYCLE_SCHEMAS:
        of_command = sa.select(sa.func.max(Delivery.received_at)).where(Delivery.command == command)
        last = session.scalar(of_command)
        if last is not None and DAY < now - last < FORGOTTEN:
            days = sum(
                session.scalar(of_command.where(*was_on(last - number * DAY))) is not None
                for number in range(DAYS)
            )
            if days >= REGULAR_DAYS:
                found.append(Silence(command, last, days))
    return found


def was_on(end: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Bound the day that ends at an instant."""
    return Delivery.received_at > end - DAY, Delivery.received_at <= end
