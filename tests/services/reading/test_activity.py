"""What arrives, from the counts of the minutes."""

from datetime import datetime, timedelta

import pytest

from models.vocabulary import Measure, Refusal, Verdict
from services.reading.activity import (
    count_by_hour,
    count_refusals,
    fetch_delay_microseconds,
    find_silence,
)
from tests.conftest import APP, NOW
from tests.health import store_counts

MINUTE = NOW.replace(second=0, microsecond=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
COMMAND = "Group.CallbackAfterCreateGroup"


def received(minute: datetime, value: int, verdict: Verdict = Verdict.ACCEPTED):
    return minute, Measure.RECEIVED, APP, COMMAND, verdict, value


def refused(minute: datetime, value: int, reason: Refusal):
    return minute, Measure.REFUSED, "", reason, "", value


@pytest.fixture
def store(database_url):
    return lambda *rows: store_counts(database_url, *rows)


def test_hours_tell_verdicts_losses_and_refusals_apart(store, connection):
    store(
        received(MINUTE, 3),
        received(MINUTE - timedelta(minutes=1), 4),
        received(MINUTE, 2, Verdict.INVALID),
        refused(MINUTE, 5, Refusal.SIGN_WRONG),
        (MINUTE, Measure.LOST, APP, "", "", 1),
        (MINUTE, Measure.ANSWERED, APP, "1", "", 99),
        (MINUTE, Measure.DELAY_MICROSECONDS, APP, "", "", 99),
    )

    *_, (before, earlier), (start, counts) = count_by_hour(connection, until=NOW)

    assert (start, counts) == (
        MINUTE.replace(minute=0),
        {"accepted": 3, "duplicate": 0, "unhandled": 0, "invalid": 2, "refused": 5, "lost": 1},
    )
    assert (before, earlier["accepted"]) == (start - HOUR, 4)


def test_hours_are_the_last_24_of_the_clock(store, connection):
    first = MINUTE.replace(minute=0) - 23 * HOUR
    store(received(first, 1), received(first - timedelta(minutes=1), 10), received(NOW + HOUR, 10))

    hours = count_by_hour(connection, until=NOW)

    assert [start for start, _ in hours] == [first + number * HOUR for number in range(24)]
    assert [counts["accepted"] for _, counts in hours] == [1] + 23 * [0]


def test_refusals_are_counted_by_reason_most_frequent_first(store, connection):
    store(
        refused(MINUTE, 1, Refusal.APP_MISSING),
        refused(MINUTE, 2, Refusal.SIGN_WRONG),
        refused(MINUTE - HOUR, 2, Refusal.SIGN_WRONG),
        refused(MINUTE - 2 * DAY, 9, Refusal.APP_MISSING),
    )

    assert list(count_refusals(connection, until=NOW).items()) == [
        (Refusal.SIGN_WRONG, 4),
        (Refusal.APP_MISSING, 1),
    ]


@pytest.mark.parametrize(
    ("passed", "count"), [(HOUR, None), (9.9 * HOUR, None), (10.1 * HOUR, 24), (40 * DAY, 24)]
)
def test_silence_is_long_at_ten_times_the_pace_of_the_day_before(store, connection, passed, count):
    store(*(received(MINUTE - number * HOUR, 1) for number in range(24)), received(MINUTE - DAY, 9))

    assert find_silence(connection, NOW, now=NOW + passed) == count


def test_silence_of_less_than_an_hour_is_none(store, connection):
    store(received(MINUTE, 1_000_000))

    assert find_silence(connection, NOW, now=NOW + HOUR) is None
    assert find_silence(connection, NOW, now=NOW + 1.1 * HOUR) == 1_000_000


def test_delay_is_the_largest_of_the_last_minutes(store, connection):
    assert fetch_delay_microseconds(connection, now=NOW) is None
    connection.rollback()
    ages = ((0, 3), (4, 7), (6, 99))
    store(
        *(
            (MINUTE - timedelta(minutes=age), Measure.DELAY_MICROSECONDS, APP, "", "", value)
            for age, value in ages
        )
    )

    assert fetch_delay_microseconds(connection, now=NOW) == 7
