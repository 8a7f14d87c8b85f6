"""A strip of days: a cell for each hour, with what happened in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from blueprints.console.zone import to_zone, write_period
from models.clock import DAY, EPOCH, HOUR, MINUTE, to_hour
from services.watching.hours import NONE
from services.watching.incidents import Account, IncidentKind

DAYS = 90
# What a cell shows, gravest last; a restart alone is no reason to worry.
SHOWN = (IncidentKind.LATE, IncidentKind.SILENT, IncidentKind.REFUSED, IncidentKind.LOST)
NORMAL, QUIET, UNKNOWN = "normal", "quiet", "unknown"


@dataclass(frozen=True)
class Cell:
    """An hour.

    Attributes:
        word: one of ``SHOWN``, or whether anything arrived, or whether anything is known at all.
    """

    since: datetime
    local: datetime
    word: str
    count: int

    @property
    def until(self) -> datetime:
        """When it ends."""
        return self.since + HOUR

    @property
    def period(self) -> str:
        """The arguments of an address."""
        return write_period(self.since, self.until)

    @property
    def title(self) -> str:
        """Its begin, and how many callbacks arrived."""
        return f"{self.local:%H:%M}: {self.count:,}"


@dataclass(frozen=True)
class Day:
    """A day of the zone.

    Attributes:
        hours: by clock hour; none or two where the clock is changed, none in the future.
    """

    date: date
    since: datetime
    until: datetime
    hours: Sequence[Sequence[Cell]]


def find_first(now: datetime) -> datetime:
    """Find when the first day of the strip begins."""
    local = to_zone(now).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    zone = to_zone(now).tzinfo
    return (local - (DAYS - 1) * DAY).replace(tzinfo=zone).astimezone(EPOCH.tzinfo)


def lay_out_days(
    account: Account, first: datetime, now: datetime, *, known_until: datetime
) -> Iterator[Day]:
    """Lay out the days from the first until now, the newest first."""
    known = range(account.first_hour or 0, to_hour(known_until) + 1)
    words = find_words(account)
    start = to_hour(first - MINUTE) + 1  # an hour belongs to the day it begins on
    cells = []
    for hour in range(start, to_hour(now) + 1):
        since, count = EPOCH + hour * HOUR, account.received.get(hour, NONE).value
        is_known = account.first_hour is not None and hour in known
        word = words.get(hour) or (NORMAL if count else QUIET if is_known else UNKNOWN)
        cells.append(Cell(since, to_zone(since), word, count))
    days = [(day, [*group]) for day, group in groupby(cells, lambda cell: cell.local.date())]
    for day, of_day in reversed(days):
        hours = [[cell for cell in of_day if cell.local.hour == hour] for hour in range(24)]
        yield Day(day, of_day[0].since, of_day[-1].until, hours)


def find_words(account: Account) -> Mapping[int, str]:
    """Find the gravest incident of each hour."""
    words: dict[int, str] = {}
    for kind in SHOWN:
        for one in account.incidents:
            if one.kind is kind:
                last = to_hour(one.until - MINUTE)
                words |= dict.fromkeys(range(to_hour(one.since), last + 1), kind.value)
    return words
