"""The traffic: callbacks in total and in each bar of a chart, and commands that have stopped."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from models.clock import DAY, HOUR, to_hour
from models.counts import HourCount, MinuteCount, TotalCount
from models.delivery import Delivery, has_command
from models.vocabulary import Measure, Refusal, Verdict
from schemas.tencent.registry import LIFECYCLE_SCHEMAS

RECENT = timedelta(minutes=5)
DAYS, REGULAR_DAYS = 7, 4  # a command that arrived on so many of the last days is expected
FORGOTTEN = 30 * DAY  # after which a command that no longer arrives is not expected
NOISE = "noise"  # refused requests that name none of our apps
WORDS = (*Verdict, Measure.LOST, Measure.REFUSED, NOISE)

Totals = Mapping[tuple[str, str, str, str], int]  # by measure, app, name and verdict


@dataclass(frozen=True)
class Bar:
    """The time from ``since`` until before ``until``, with its counts by ``WORDS``."""

    since: datetime
    until: datetime
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Ceased:
    """A command that used to arrive and no longer does.

    Attributes:
        last: when it arrived last.
        days: on how many of the ``DAYS`` before that it had arrived.
    """

    command: str
    last: datetime
    days: int


def fetch_totals(connection: sa.Connection) -> Totals:
    """Fetch the totals of all minutes."""
    columns = (TotalCount.measure, TotalCount.sdk_app_id, TotalCount.name, TotalCount.verdict)
    found = connection.execute(sa.select(*columns, TotalCount.value))
    return {(one[0], one[1], one[2], one[3]): one[4] for one in found}


def fetch_delay_microseconds(connection: sa.Connection, *, now: datetime) -> int | None:
    """Fetch the largest delay of the last minutes; none if nothing arrived."""
    query = sa.select(sa.func.max(MinuteCount.value)).where(
        MinuteCount.minute >= now - RECENT, MinuteCount.measure == Measure.DELAY_MICROSECONDS
    )
    return connection.scalar(query)


def fetch_bars(
    connection: sa.Connection,
    since: datetime,
    until: datetime,
    *,
    width: timedelta,
    sdk_app_id: str | None = None,
) -> Sequence[Bar]:
    """Count what arrived in each part of a period, the oldest first.

    Args:
        since: when the first bar begins: a full minute, or a full hour if bars are hours wide.
        until: when the last bar ends, or before.
        width: of each bar: a minute, or some hours.
        sdk_app_id: the only app to count; otherwise all apps, and strangers.
    """
    bars = [
        Bar(since + number * width, since + (number + 1) * width)
        for number in range(-(-(until - since) // width))
    ]
    end = bars[-1].until
    query = select_minutes(since, end) if width < HOUR else select_hours(since, end, width)
    for app, word, place, count in connection.execute(query):
        at = place if isinstance(place, datetime) else since + int(place) * width
        name = word if word not in {*Refusal} else Measure.REFUSED if app else NOISE
        if sdk_app_id in (None, app):
            bars[(at - since) // width].counts[name] += int(count)
    return bars


def select_minutes(since: datetime, until: datetime) -> sa.Select[str, str, datetime, int]:
    """Select app, word, minute and number of each minute."""
    word = sa.case(
        (MinuteCount.measure == Measure.RECEIVED, MinuteCount.verdict),
        (MinuteCount.measure == Measure.REFUSED, MinuteCount.name),
        else_=MinuteCount.measure,
    )
    return sa.select(MinuteCount.sdk_app_id, word, MinuteCount.minute, MinuteCount.value).where(
        MinuteCount.minute >= since,
        MinuteCount.minute < until,
        MinuteCount.measure.in_((Measure.RECEIVED, Measure.REFUSED, Measure.LOST)),
    )


def select_hours(
    since: datetime, until: datetime, width: timedelta
) -> sa.Select[str, str, int, int]:
    """Select app, word, place of the bar and sum of each bar."""
    first, end = to_hour(since), to_hour(until)
    place = ((HourCount.hour - first) // (width // HOUR)).label("place")
    return (
        sa.select(HourCount.sdk_app_id, HourCount.word, place, sa.func.sum(HourCount.value))
        .where(
            HourCount.hour >= first,
            HourCount.hour < end,
            HourCount.word.in_((*Verdict, *Refusal, Measure.LOST)),
        )
        .group_by(HourCount.sdk_app_id, HourCount.word, sa.text("place"))
    )


def count_words(connection: sa.Connection, first: int, end: int) -> Mapping[tuple[str, str], int]:
    """Count what arrived in the hours from ``first`` until before ``end``, by app and word."""
    query = (
        sa.select(HourCount.sdk_app_id, HourCount.word, sa.func.sum(HourCount.value))
        .where(HourCount.hour >= first, HourCount.hour < end)
        .group_by(HourCount.sdk_app_id, HourCount.word)
    )
    return {(app, word): int(count) for app, word, count in connection.execute(query)}


def find_lasts(connection: sa.Connection) -> Mapping[str, datetime]:
    """Return when the last callback of each app arrived, whatever its verdict."""
    return find_last_of_each(
        connection, TotalCount.sdk_app_id, lambda app: Delivery.sdk_app_id == app
    )


def find_last_commands(connection: sa.Connection) -> Mapping[str, datetime]:
    """Return when each command that is counted by name last arrived."""
    return find_last_of_each(connection, TotalCount.name, has_command)


def find_last_of_each(
    connection: sa.Connection,
    counted: InstrumentedAttribute[str],
    has_value: Callable[[sa.ColumnElement[str]], sa.ColumnElement[bool]],
) -> Mapping[str, datetime]:
    """Return when the last callback of each counted value arrived, by an index."""
    values = sa.select(counted.label("value")).where(TotalCount.measure == Measure.RECEIVED)
    value = values.distinct().subquery().c.value
    last = (
        sa.select(Delivery.received_at)
        .where(has_value(value))
        .order_by(Delivery.received_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    return {one: at for one, at in connection.execute(sa.select(value, last)) if at is not None}


def find_ceased(connection: sa.Connection, *, now: datetime) -> Sequence[Ceased]:
    """Find the lifecycle commands that arrived on most days, but not within the last day.

    An index of the deliveries leads to each command, so the cost does not depend on their number.
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
    """Select when a command last arrived."""
    return sa.select(sa.func.max(Delivery.received_at)).where(has_command(command))
