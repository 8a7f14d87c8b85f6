"""Silence: no callbacks for so long that many would usually have come."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median_low

from services.watching.hours import MINUTES, NONE, Hours, write_line

HOURS_OF_A_DAY = 24
DAY_MINUTES = HOURS_OF_A_DAY * MINUTES
WEEK_DAYS = 7
HOURS_BEFORE = WEEK_DAYS * HOURS_OF_A_DAY  # with which a gap is compared
LEAST_DAYS = 3  # of these, how many must be known
# So many minutes that usually have callbacks are not missed by chance: if they are independent of
# each other, all stay empty once in e**10 = 22,000 times.
LEAST_MINUTES = 10
GAP = re.compile(f"0{{{LEAST_MINUTES},}}")


@dataclass(frozen=True)
class Silence:
    """An unusual time without callbacks.

    Attributes:
        first: its first minute, since 1970.
        end: the minute after the last.
        usual: about how many callbacks usually come in that time.
    """

    first: int
    end: int
    usual: int


def find_silences(received: Hours, first: int, end: int) -> Iterator[Silence]:
    """Find the silences of one app, oldest first.

    Args:
        received: its hours, including the ``HOURS_BEFORE`` hours before ``first``.
        first: the hour from which to look for gaps.
        end: the minute, since 1970, before which they lie.
    """
    start = first - HOURS_BEFORE
    line = write_line(received, start, end // MINUTES + 1)[: end - start * MINUTES]
    for gap in GAP.finditer(line):
        if gap.end() <= HOURS_BEFORE * MINUTES:
            continue
        usual = count_usual_minutes(line, *gap.span())
        if usual >= LEAST_MINUTES:
            begin, after = (start * MINUTES + place for place in gap.span())
            yield Silence(
                begin, after, round(usual * find_pace(received, line, start, gap.start()))
            )


def count_usual_minutes(line: str, begin: int, end: int) -> int:
    """Count the minutes with callbacks that are usual in such a time.

    Each day of it is compared with the same time in the week before the silence: the median of the
    days, but no more than on that day of the week, as many apps rest at weekends.
    """
    known, usual = line.find("1"), 0
    for day, start in enumerate(range(begin, end, DAY_MINUTES)):
        stop = min(start + DAY_MINUTES, end)
        counts = {
            back: line.count("1", start - back * DAY_MINUTES, stop - back * DAY_MINUTES)
            for back in range(day + 1, day + 1 + WEEK_DAYS)
            if start - back * DAY_MINUTES >= known
        }
        if len(counts) >= LEAST_DAYS:
            middle = median_low(counts.values())
            usual += min(middle, counts.get(WEEK_DAYS * (day // WEEK_DAYS + 1), middle))
    return usual


def find_pace(received: Hours, line: str, start: int, place: int) -> float:
    """Return how many callbacks came in a minute that had any, in the week before a place."""
    minutes = line.count("1", max(place - WEEK_DAYS * DAY_MINUTES, 0), place)
    hour = start + place // MINUTES
    callbacks = sum(received.get(one, NONE).value for one in range(hour - HOURS_BEFORE, hour + 1))
    return callbacks / minutes
