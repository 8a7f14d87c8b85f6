"""The difference between silence and a usual quiet time."""

from collections import defaultdict

import pytest

from services.watching.hours import Marks
from services.watching.silence import find_silences

HOUR, DAY = 60, 24 * 60
START = 20_000 * DAY  # minutes since 1970: a Thursday
FIRST = (START + 7 * DAY) // HOUR  # the hour that gaps are looked for from


def hours_of(minutes):
    """Count one callback in each minute of these since the start."""
    bits = defaultdict(int)
    for minute in minutes:
        bits[(START + minute) // HOUR] |= 1 << minute % HOUR
    return {hour: Marks(mask.bit_count(), mask) for hour, mask in bits.items()}


def find(minutes, days):
    """Find silences from day 7 on, in minutes since the start, until a number of days."""
    found = find_silences(hours_of(minutes), FIRST, START + int(days * DAY))
    return [(one.first - START, one.end - START, one.usual) for one in found]


def every(step, days, hole=(0, 0), of_day=(0, DAY), resting=()):
    """List minutes with callbacks: one in so many, except in the gap, at night and at rest."""
    return [
        minute
        for minute in range(0, int(days * DAY), step)
        if not hole[0] <= minute < hole[1]
        and of_day[0] <= minute % DAY < of_day[1]
        and minute // DAY % 7 not in resting
    ]


AT_14 = 8 * DAY + 14 * HOUR
HOLE = (AT_14 + 5, AT_14 + 50)


def test_hole_is_found_to_the_minute_with_what_is_usual():
    assert find(every(1, 9, HOLE), 9) == [(*HOLE, 45)]


def test_number_that_is_usual_is_of_callbacks_not_of_minutes():
    hours = hours_of(every(1, 9, HOLE))
    busy = {hour: Marks(3 * value, minutes) for hour, (value, minutes) in hours.items()}

    [found] = find_silences(busy, FIRST, START + 9 * DAY)

    assert found.usual == pytest.approx(3 * 45, abs=2)


@pytest.mark.parametrize(("length", "silences"), [(9, 0), (10, 1)])
def test_few_minutes_are_missed_by_chance(length, silences):
    assert len(find(every(1, 9, (AT_14, AT_14 + length)), 9)) == silences


@pytest.mark.parametrize("step", [7, 60, 240])
def test_app_of_little_traffic_is_silent_only_once_ten_callbacks_are_missed(step):
    begin = 10 * DAY // step * step
    assert find(every(step, 10), (begin + 9 * step) / DAY) == []
    assert find(every(step, 10), (begin + 12 * step) / DAY) != []


def test_night_is_no_silence_but_a_day_is():
    by_day = {"of_day": (8 * HOUR, 20 * HOUR)}
    morning = 9 * DAY + 8 * HOUR

    assert find(every(5, 10, **by_day), 10) == []
    [(begin, end, _)] = find(every(5, 11, (morning, morning + 2 * HOUR), **by_day), 11)
    assert (begin, end) == (8 * DAY + 20 * HOUR - 4, morning + 2 * HOUR)


def test_weekend_is_no_silence_once_one_is_known_but_a_monday_is():
    at_rest = {"resting": (2, 3)}  # days 2 and 3, 9 and 10, …

    assert find(every(5, 18, **at_rest), 18) == []
    assert find(every(5, 19, (18 * DAY, 18 * DAY + 3 * HOUR), **at_rest), 19) != []
    [(_, end, _)] = find(every(5, 13, (11 * DAY, 11 * DAY + 3 * HOUR), **at_rest), 13)
    assert end == 11 * DAY + 3 * HOUR


def test_an_outage_of_days_is_one_silence():
    found = find(every(1, 20, (8 * DAY, 18 * DAY)), 20)

    assert found == [(8 * DAY, 18 * DAY, 10 * DAY)]


def test_hole_before_the_period_is_not_of_it():
    assert find(every(1, 9, (5 * DAY, 5 * DAY + HOUR)), 9) == []
    assert find(every(1, 9, (7 * DAY - HOUR, 7 * DAY + 1)), 9) != []


def test_one_busy_day_makes_nothing_usual():
    busy = range(DAY, 2 * DAY)  # the same day a week ago

    assert find([*every(240, 9), *busy], 9) == []


@pytest.mark.parametrize(("known_days", "silences"), [(2, 0), (3, 1)])
def test_nothing_is_usual_before_three_days_are_known(known_days, silences):
    minutes = [one for one in every(1, 9, HOLE) if one >= HOLE[0] - known_days * DAY]

    assert len(find(minutes, 9)) == silences


def test_time_before_the_first_callback_is_no_silence():
    assert find([], 9) == []
    assert find(every(1, 9, (0, 8 * DAY)), 9) == []


def test_silence_that_goes_on_ends_where_knowledge_ends():
    assert find(every(1, 8), 8 + 0.25)[0][:2] == (8 * DAY, 8 * DAY + DAY // 4)
