"""Silence: no callbacks for so long that usually many would have come."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median_low

from services.watching.hours import MINUTES, NONE, Hours, write_line

HOURS_OF_A_DAY = 24
DAY_MINUTES = HOURS_OF_A_DAY * MINUTES
WEEK_DAYS = 7
HOURS_BEFORE = WEEK_DAYS * HOURS_OF_A_DAY  # that a gap is compared with
LEAST_DAYS = 3  # of them, which must be known
# So many minutes with callbacks that usually come are not missed by chance: of minutes that are
# independent of each other, none comes once in e**10 = 22,000 times.
LEAST_MINUTES = 10
GAP = re.compile(f"0{{{LEAST_MINUTES},}}")


@dataclass(frozen=True)
class Silence:
    """A time without callbacks that is not usual.

    Attributes:
        first: its first minute, since 1970.
        end: the minute after the last.
        usual: how many callbacks usually come in that time, about.
    """

    first: int
    end: int
    usual: int


def find_silences(received: Hours, first: int, end: int) -> Iterator[Silence]:
    """Find the silences among the callbacks of one app, oldest first.

    Args:
        received: its hours, also those of the ``HOURS_BEFORE`` before ``first``.
        first: the hour from which on gaps are looked for.
        end: the minute, since 1970, before which they are.
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
    """Count the minutes with callbacks that usually are in such a time.

    Each day of it is compared with the same time on the week before all of it: the median of the
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
    """Tell how many callbacks came in a minute that had any, in the week before a place."""
    minutes = line.count("1", max(place - WEEK_DAYS * DAY_MINUTES, 0), place)
    hour = start + place // MINUTES
    callbacks = sum(received.get(one, NONE).value for one in range(hour - HOURS_BEFORE, hour + 1))
    return callbacks / minutes
