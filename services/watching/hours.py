"""Counts by the hour, with the minutes they come from."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from models.clock import EPOCH, MINUTE
from models.counts import HourCount

MINUTES = 60  # of an hour


class Marks(NamedTuple):
    """One number of an hour, and the minutes it comes from, one bit each."""

    value: int = 0
    minutes: int = 0


NONE = Marks()
Hours = Mapping[int, Marks]  # by hours since 1970


def fetch_hours(
    connection: sa.Connection,
    words: Iterable[str],
    first: int,
    end: int,
    *,
    sdk_app_id: str | None = None,
) -> Mapping[tuple[str, str], Hours]:
    """Fetch the hours from ``first`` until before ``end``, by app and word, without strangers."""
    query = sa.select(
        HourCount.sdk_app_id, HourCount.word, HourCount.hour, HourCount.value, HourCount.minutes
    ).where(HourCount.hour >= first, HourCount.hour < end, HourCount.word.in_([*words]))
    is_ours = (
        HourCount.sdk_app_id != "" if sdk_app_id is None else HourCount.sdk_app_id == sdk_app_id
    )
    found: dict[tuple[str, str], dict[int, Marks]] = defaultdict(dict)
    for app, word, hour, value, minutes in connection.execute(query.where(is_ours)):
        found[app, word][hour] = Marks(value, minutes)
    return found


def find_first_hour(connection: sa.Connection) -> int | None:
    """Find the first hour in which anything was counted; none if nothing ever was."""
    return connection.scalar(sa.select(sa.func.min(HourCount.hour)))


def find_newest(connection: sa.Connection, app: str, word: str) -> datetime:
    """Find the newest minute in which a word was counted; there must be one."""
    query = (
        sa.select(HourCount.hour, HourCount.minutes)
        .where(HourCount.sdk_app_id == app, HourCount.word == word)
        .order_by(HourCount.hour.desc())
        .limit(1)
    )
    hour, minutes = connection.execute(query).one()
    return to_instant(hour * MINUTES + minutes.bit_length() - 1)


def write_line(hours: Hours, first: int, end: int) -> str:
    """Write the minutes of hours as a line, one character each: 1 where something was counted."""
    return "".join(
        f"{hours.get(hour, NONE).minutes:0{MINUTES}b}"[::-1] for hour in range(first, end)
    )


def unite(several: Iterable[Hours]) -> Hours:
    """Add up the numbers of several words, and unite their minutes."""
    united: dict[int, Marks] = {}
    for hours in several:
        for hour, (value, minutes) in hours.items():
            known = united.get(hour, NONE)
            united[hour] = Marks(known.value + value, known.minutes | minutes)
    return united


def to_minute(at: datetime) -> int:
    """Count the whole minutes from 1970 UTC to an instant."""
    return (at - EPOCH) // MINUTE


def to_instant(minute: int) -> datetime:
    """Return when a minute begins."""
    return EPOCH + minute * MINUTE
