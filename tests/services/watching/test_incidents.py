"""Incidents, found afterwards from counts."""

from datetime import timedelta
from uuid import UUID

import pytest

from models.ledger import ServiceEvent
from models.vocabulary import Measure, Refusal, ServiceEventKind, Verdict
from services.watching.incidents import Incident, IncidentKind, fetch_account, find_restarts
from tests.conftest import APP, NOW, OPEN_APP
from tests.health import store_counts, store_rows

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HERE = NOW.replace(second=0, microsecond=0)
STARTED, STOPPED = ServiceEventKind.RECEIVER_STARTED, ServiceEventKind.RECEIVER_STOPPED
RECORDER_STARTED = ServiceEventKind.RECORDER_STARTED


@pytest.fixture
def find(database_url, connection):
    """Store counts, then find the incidents of the day until an hour after NOW."""

    def find(*rows, sdk_app_id=None):
        store_counts(database_url, *rows)
        account = fetch_account(connection, NOW - DAY, NOW + HOUR, sdk_app_id=sdk_app_id)
        return list(account.incidents)

    return find


def counted(minutes, measure, value=1, app=APP, name=""):
    return [(HERE + at * MINUTE, measure, app, name, "", value) for at in minutes]


def received(minutes, app=APP):
    return [(HERE + at * MINUTE, Measure.RECEIVED, app, "", Verdict.ACCEPTED, 2) for at in minutes]


def test_minutes_of_losses_are_one_incident_until_an_hour_passes_without(find):
    assert find(*counted([0, 3, 59], Measure.LOST, 2), *counted([-61, -60], Measure.LOST, 5)) == [
        Incident(IncidentKind.LOST, APP, HERE, HERE + HOUR, 6, ("lost",)),
        Incident(IncidentKind.LOST, APP, HERE - 61 * MINUTE, HERE - 59 * MINUTE, 10, ("lost",)),
    ]


def test_loss_that_was_found_after_all_is_none(find):
    assert find(*counted([0], Measure.LOST), *counted([1], Measure.LOST, -1)) == []


def test_delay_is_told_in_seconds_the_largest_of_all(find):
    rows = [*counted([0, 1], Measure.DELAY_MICROSECONDS, 6_000_000)]
    rows += counted([2], Measure.DELAY_MICROSECONDS, 11_200_000)
    usual = counted([30], Measure.DELAY_MICROSECONDS, 4_999_999)

    [late] = find(*rows, *usual)

    assert (late.kind, late.number) == (IncidentKind.LATE, 12)
    assert (late.since, late.until) == (HERE, HERE + 3 * MINUTE)


def test_refusals_of_our_apps_are_told_with_their_reasons_those_of_strangers_are_not(find):
    rows = counted([0], Measure.REFUSED, 3, name=Refusal.SIGN_WRONG)
    rows += counted([5], Measure.REFUSED, 1, name=Refusal.SIGN_EXPIRED)

    [refused] = find(*rows, *counted([0], Measure.REFUSED, 99, "", Refusal.APP_UNKNOWN))

    assert (refused.kind, refused.number) == (IncidentKind.REFUSED, 4)
    assert set(refused.words) == {Refusal.SIGN_WRONG, Refusal.SIGN_EXPIRED}


def test_silence_is_of_one_app_though_another_goes_on(find):
    minutes = range(-5 * 1440, 60)
    hole = range(-60, -15)
    rows = [*received(one for one in minutes if one not in hole), *received(minutes, OPEN_APP)]

    [silent] = find(*rows)

    assert (silent.kind, silent.sdk_app_id) == (IncidentKind.SILENT, APP)
    assert (silent.since, silent.until) == (HERE - HOUR, HERE - 15 * MINUTE)
    assert silent.number == 90
    assert silent.is_over


def test_silence_that_goes_on_is_not_over(find):
    [silent] = find(*received(range(-5 * 1440, 0)))

    assert (silent.since, silent.until, silent.is_over) == (HERE, HERE + HOUR, False)


def test_account_is_of_one_app_if_it_is_asked_for(find):
    rows = [*counted([0], Measure.LOST), *counted([0], Measure.LOST, app=OPEN_APP)]

    assert [one.sdk_app_id for one in find(*rows, sdk_app_id=OPEN_APP)] == [OPEN_APP]


def kinds(*events):
    """Find restarts among kinds of events at some minutes."""
    return [
        (one.kind, one.since)
        for one in find_restarts([(HERE + at * MINUTE, kind) for at, kind in events])
    ]


def test_restart_tells_what_the_processes_did_in_that_order():
    did = [STARTED, STOPPED, RECORDER_STARTED, STARTED]

    [restart] = find_restarts([(HERE, STARTED), *((HERE + HOUR, kind) for kind in did)])

    assert restart.words == (STARTED, STOPPED, RECORDER_STARTED)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([(0, STARTED), (0.1, STARTED)], []),
        ([(0, STARTED), (5, STOPPED), (9, STARTED)], [("restarted", 9)]),
        ([(0, STARTED), (5, STARTED), (5.1, STOPPED)], [("restarted", 5)]),
        ([(0, STARTED), (5, STARTED)], [("killed", 5)]),
        (
            [(0, STARTED), (5, STOPPED), (9, STARTED), (20, STARTED)],
            [("restarted", 9), ("killed", 20)],
        ),
        (
            [(0, STARTED), (2, RECORDER_STARTED), (5, STOPPED), (9, RECORDER_STARTED)],
            [("killed", 9)],
        ),
    ],
)
def test_start_without_a_stop_before_is_told_as_a_kill(events, expected):
    assert kinds(*events) == [(kind, HERE + at * MINUTE) for kind, at in expected]


def test_restarts_are_among_the_incidents(database_url, find):
    events = [(-30, STARTED), (-20, STOPPED), (-19.5, STARTED)]
    rows = [
        {
            "uuid": UUID(int=number),
            "at": HERE + at * MINUTE,
            "kind": kind,
            "process": "a:1",
            "details": {},
        }
        for number, (at, kind) in enumerate(events)
    ]
    store_rows(database_url, ServiceEvent, rows)

    [restart] = find(*counted([0], Measure.ANSWERED))

    assert (restart.kind, restart.since) == (IncidentKind.RESTARTED, HERE - 20 * MINUTE)
