"""What arrives: how many callbacks an hour and in all, and what has stopped arriving."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from models.counts import MinuteCount, TotalCount
from models.delivery import Delivery
from models.vocabulary import Measure, Verdict
from schemas.tencent.registry import LIFECYCLE_SCHEMAS

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOURS = 24
RECENT = timedelta(minutes=5)
SILENCE = 10  # times the time that used to pass between two callbacks, and an hour at least
DAYS, REGULAR_DAYS = 7, 4  # a command that came on so many of the last days is expected
FORGOTTEN = timedelta(days=30)
WORDS = (*Verdict, Measure.REFUSED, Measure.LOST)

Counts = Mapping[str, int]
Totals = Mapping[tuple[str, str, str, str], int]  # by measure, app, name and verdict


@dataclass(frozen=True)
class Ceased:
    """A command that used to arrive and does no more.

    Attributes:
        last: when it arrived last.
        days: on how many of the ``DAYS`` until then it had arrived.
    """

    command: str
    last: datetime
    days: int


def fetch_totals(connection: sa.Connection) -> Totals:
    """Fetch the sums of all minutes."""
    columns = (TotalCount.measure, TotalCount.sdk_app_id, TotalCount.name, TotalCount.verdict)
    found = connection.execute(sa.select(*columns, TotalCount.value))
    return {(one[0], one[1], one[2], one[3]): one[4] for one in found}


def fetch_delay_microseconds(connection: sa.Connection, *, now: datetime) -> int | None:
    """Fetch the largest time from arrival to table of the last minutes; none if nothing arrived."""
    query = sa.select(sa.func.max(MinuteCount.value)).where(
        MinuteCount.minute >= now - RECENT, MinuteCount.measure == Measure.DELAY_MICROSECONDS
    )
    return connection.scalar(query)


def count_by_hour(
    connection: sa.Connection, *, until: datetime
) -> Sequence[tuple[datetime, Counts]]:
    """Count the callbacks of each of the last hours by verdict, those lost, and requests refused.

    Each full hour of the clock is there, oldest first, by its start.
    """
    last = start_of_hour(until)
    starts = [last - number * HOUR for number in reversed(range(HOURS))]
    found = {start: dict.fromkeys(map(str, WORDS), 0) for start in starts}
    key = (MinuteCount.minute, MinuteCount.measure, MinuteCount.verdict)
    query = (
        sa.select(*key, sa.func.sum(MinuteCount.value))
        .where(
            *is_within(starts[0], last + HOUR),
            MinuteCount.measure.in_((Measure.RECEIVED, Measure.REFUSED, Measure.LOST)),
        )
        .group_by(*key)
    )
    for minute, measure, verdict, count in connection.execute(query):
        counts = found[start_of_hour(minute)]
        word = verdict if measure == Measure.RECEIVED else measure
        counts[word] = counts.get(word, 0) + int(count)
    return list(found.items())


def count_refusals(connection: sa.Connection, *, until: datetime) -> Counts:
    """Count the refused requests of the same hours by reason, the most frequent first."""
    end = start_of_hour(until) + HOUR
    query = (
        sa.select(MinuteCount.name, sa.func.sum(MinuteCount.value))
        .where(*is_within(end - HOURS * HOUR, end), MinuteCount.measure == Measure.REFUSED)
        .group_by(MinuteCount.name)
    )
    found = connection.execute(query)
    return dict(Counter({reason: int(count) for reason, count in found}).most_common())


def start_of_hour(instant: datetime) -> datetime:
    """Return the start of the clock's hour that an instant belongs to."""
    return instant.replace(minute=0, second=0, microsecond=0)


def is_within(start: datetime, end: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Bound the minutes that are counted; the end is excluded."""
    return MinuteCount.minute >= start, MinuteCount.minute < end


def find_last(connection: sa.Connection) -> datetime | None:
    """Tell when the last callback arrived, whatever became of it."""
    return connection.scalar(sa.select(sa.func.max(Delivery.received_at)))


def find_silence(connection: sa.Connection, last: datetime, *, now: datetime) -> int | None:
    """Tell how many callbacks came in the day until the last; none unless it is silent for long.

    How long is long, depends on the pace at which they had come.
    """
    if now - last <= HOUR:
        return None
    received = sa.select(sa.func.sum(MinuteCount.value)).where(
        *is_within(last - DAY, last + timedelta(minutes=1)),
        MinuteCount.measure == Measure.RECEIVED,
    )
    count = int(connection.scalar(received) or 1)
    return count if now - last > SILENCE * DAY / count else None


def find_ceased(connection: sa.Connection, *, now: datetime) -> Sequence[Ceased]:
    """Find the lifecycle commands that arrived on most days, and have not for a day.

    An index of the deliveries leads to each command, so this costs the same however many there are.
    """
    lasts = (
        sa.select(sa.literal(command), select_last(command).scalar_subquery())
        for command in LIFECYCLE_SCHEMAS
    )
    found = []
    for command, last in connection.execute(sa.union_all(*lasts)).all():
        if last is not None and DAY < now - last < FORGOTTEN:
            ends = (last - number * DAY for number in range(DAYS))
            days = sum(came_on_day_until(connection, command, end) for end in ends)
            if days >= REGULAR_DAYS:
                found.append(Ceased(command, last, days))
    return found


def came_on_day_until(connection: sa.Connection, command: str, end: datetime) -> bool:
    """Tell whether a command arrived on the day that ends at an instant."""
    within = (Delivery.received_at > end - DAY, Delivery.received_at <= end)
    return connection.scalar(select_last(command).where(*within)) is not None


def select_last(command: str) -> sa.Select[datetime | None]:
    """Select when a command arrived last."""
    return sa.select(sa.func.max(Delivery.received_at)).where(Delivery.command == command)
