"""Traffic, from the counts of minutes and hours."""

from datetime import datetime, timedelta

import pytest

from models.vocabulary import Measure, Refusal, Verdict
from services.watching.activity import fetch_bars, fetch_delay_microseconds, find_lasts
from tests.conftest import APP, NOW, OPEN_APP
from tests.health import store_counts
from tests.payloads import group_created

MINUTE = NOW.replace(second=0, microsecond=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
COMMAND = "Group.CallbackAfterCreateGroup"


def received(
    minute: datetime, value: int, verdict: Verdict = Verdict.ACCEPTED, app: str = APP, name=COMMAND
):
    return minute, Measure.RECEIVED, app, name, verdict, value


def refused(minute: datetime, value: int, reason: Refusal, app: str = ""):
    return minute, Measure.REFUSED, app, reason, "", value


@pytest.fixture
def store(database_url):
    return lambda *rows: store_counts(database_url, *rows)


WIDTHS = pytest.mark.parametrize("width", [timedelta(minutes=1), HOUR, 2 * HOUR])


@WIDTHS
def test_bars_tell_verdicts_losses_refusals_and_noise_apart(store, connection, width):
    store(
        received(MINUTE, 3),
        received(MINUTE, 1, name="another"),
        received(MINUTE, 2, Verdict.INVALID),
        refused(MINUTE, 5, Refusal.SIGN_WRONG, APP),
        refused(MINUTE, 6, Refusal.SIGN_WRONG),
        refused(MINUTE, 1, Refusal.APP_MISSING),
        (MINUTE, Measure.LOST, APP, "", "", 1),
        (MINUTE, Measure.ANSWERED, APP, "1", "", 99),
        (MINUTE, Measure.DELAY_MICROSECONDS, APP, "", "", 99_000_000),
    )

    bar, *rest = fetch_bars(connection, MINUTE, MINUTE + 2 * width, width=width)

    assert (bar.since, bar.until) == (MINUTE, MINUTE + width)
    assert bar.counts == {"accepted": 4, "invalid": 2, "refused": 5, "noise": 7, "lost": 1}
    assert [one.counts for one in rest] == [{}]


@WIDTHS
def test_bars_are_of_one_app_if_it_is_asked_for(store, connection, width):
    store(
        received(MINUTE, 3),
        received(MINUTE, 9, app=OPEN_APP),
        refused(MINUTE, 1, Refusal.APP_MISSING),
    )

    [bar] = fetch_bars(connection, MINUTE, MINUTE + width, width=width, sdk_app_id=APP)

    assert bar.counts == {"accepted": 3}


@WIDTHS
def test_bar_begins_with_its_first_minute_and_ends_before_the_next(store, connection, width):
    last, before = MINUTE + width - timedelta(minutes=1), MINUTE - timedelta(minutes=1)
    inside = [received(at, 1) for at in sorted({MINUTE, last})]
    store(*inside, received(MINUTE + width, 100), received(before, 1000))

    [bar] = fetch_bars(connection, MINUTE, MINUTE + width, width=width)

    assert bar.counts["accepted"] == len(inside)


def test_last_callback_is_told_by_app(deliver, connection, clock):
    deliver(group_created())
    deliver(group_created(), query={"SdkAppid": OPEN_APP})
    clock.move(minutes=1)
    deliver(group_created(), query={"SdkAppid": OPEN_APP})

    assert find_lasts(connection) == {APP: NOW, OPEN_APP: NOW + timedelta(minutes=1)}


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
