"""What arrives: how many callbacks an hour, what became of them, and what has ceased to come."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from models.delivery import Delivery
from models.quarantine import QuarantinedRequest
from models.vocabulary import Verdict
from schemas.registry import LIFECYCLE_SCHEMAS
from services.counts import count_up_to

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOURS = 24
MOST_COUNTED = 100_000  # of an hour and verdict, so that nobody waits long for a count
REFUSED = "refused"
SILENCE = 10  # times the time that used to pass between two callbacks, and an hour at least
ENOUGH = 10_000  # callbacks, to know that
DAYS, REGULAR_DAYS = 7, 4  # a command that came on so many of the last days is expected
FORGOTTEN = timedelta(days=30)

Counts = Mapping[str, int]


@dataclass(frozen=True)
class Ceased:
    """A command that used to come and does no more.

    Attributes:
        last: when it came last.
        days: on how many of the ``DAYS`` until then it had come.
    """

    command: str
    last: datetime
    days: int


def select_counts() -> Iterator[sa.Select[int, str, int]]:
    """Select each count by number of the hour and by word; ``start_…`` are the starts of hours."""
    for number in range(HOURS):
        start: sa.BindParameter[datetime] = sa.bindparam(f"start_{number}")
        end: sa.BindParameter[datetime] = sa.bindparam(f"start_{number + 1}")
        delivered, refused = (
            (table.received_at >= start, table.received_at < end)
            for table in (Delivery, QuarantinedRequest)
        )
        conditions = {
            verdict.value: (Delivery.verdict == verdict, *delivered) for verdict in Verdict
        }
        for word, counted in {**conditions, REFUSED: refused}.items():
            count = count_up_to(MOST_COUNTED, *counted).scalar_subquery()
            yield sa.select(sa.literal(number), sa.literal(word), count)


COUNTS = sa.union_all(*select_counts())  # to write it once takes longer than to run it


def count_by_hour(session: Session, *, until: datetime) -> Sequence[tuple[datetime, Counts]]:
    """Count the deliveries of each of the last hours by verdict, and requests ``refused``.

    Each count is of one range of an index, and stops at ``MOST_COUNTED``.

    Returns:
        The start of every full hour of the clock, oldest first, with its counts by word.
    """
    last = until.replace(minute=0, second=0, microsecond=0)
    starts = [last + (number + 1 - HOURS) * HOUR for number in range(HOURS + 1)]
    found: list[dict[str, int]] = [dict.fromkeys([*Verdict, REFUSED], 0) for _ in range(HOURS)]
    bounds = {f"start_{number}": start for number, start in enumerate(starts)}
    for number, word, count in session.execute(COUNTS, bounds):
        found[number][word] = count
    return list(zip(starts, found, strict=False))


def find_last(session: Session) -> datetime | None:
    """Tell when the last callback arrived, whatever became of it."""
    return session.scalar(sa.select(sa.func.max(Delivery.received_at)))


def find_silence(session: Session, last: datetime, *, now: datetime) -> int | None:
    """Tell that nothing has come for long, for the pace at which callbacks had come.

    Args:
        session: any session that may read.
        last: when the last callback arrived.
        now: the present instant, timezone-aware.

    Returns:
        How many had come in the day until then, or none if the silence is not long.
    """
    count = session.scalar(count_up_to(ENOUGH, *was_on_day_until(last))) or 1
    return count if now - last > max(SILENCE * DAY / count, HOUR) else None


def find_ceased(session: Session, *, now: datetime) -> Sequence[Ceased]:
    """Find the lifecycle commands that came on most days, and have not come for a day."""
    found = []
    for command, last in session.execute(LAST):
        if last is not None and DAY < now - last < FORGOTTEN:
            days = sum(
                session.scalar(select_last(command, *was_on_day_until(last - number * DAY)))
                is not None
                for number in range(DAYS)
            )
            if days >= REGULAR_DAYS:
                found.append(Ceased(command, last, days))
    return found


def select_last(command: str, *conditions: sa.ColumnElement[bool]) -> sa.Select[datetime | None]:
    """Select when a command came last."""
    last = sa.select(sa.func.max(Delivery.received_at))
    return last.where(Delivery.command == command, *conditions)


LAST = sa.union_all(
    *(
        sa.select(sa.literal(command), select_last(command).scalar_subquery())
        for command in LIFECYCLE_SCHEMAS
    )
)


def was_on_day_until(end: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Bound the day that ends at an instant."""
    return Delivery.received_at > end - DAY, Delivery.received_at <= end
