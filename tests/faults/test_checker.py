"""The checker finds each promise that is broken here by hand."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, count

import pytest

from tests.faults.callbacks import KINDS, before_group_created, group_destroyed, mark
from tests.faults.checker import Findings, StoredDelivery, StoredEvent, check
from tests.faults.rig.sender import Attempt

START = datetime(2026, 11, 21, 7, 0, 0, tzinfo=UTC)
OK, BUSY = {"ActionStatus": "OK", "ErrorCode": 0}, {"ActionStatus": "FAIL", "ErrorCode": 50301}
GROUP, LEAVE = mark("@TGS#1", group_destroyed), mark("@TGS#2", before_group_created)
NUMBERS = count(1)


def attempt(callback, second=0.0, *, status=200):
    sent_at = int((START.timestamp() + second) * 1e6)
    return Attempt(callback, sent_at, sent_at + 100_000, status, OK if status == 200 else BUSY)


def stored(callback, second=0.05, verdict=None):
    """Rows as the service makes them, received while the sender waited."""
    verdict = verdict or ("unhandled" if callback.members is None else "accepted")
    received_at = START + timedelta(seconds=second)
    delivery = StoredDelivery(next(NUMBERS), callback.body, verdict, received_at)
    event = StoredEvent(delivery.id, callback.marker, received_at, callback.members)
    return [delivery], [event] if verdict == "accepted" else []


def rows(*kept):
    deliveries, events = (chain(*pair) for pair in zip(([], []), *kept, strict=True))
    return list(deliveries), list(events)


def test_checker_finds_nothing_where_every_promise_was_kept():
    attempts = [attempt(mark(str(number), kind)) for number, kind in enumerate(KINDS)]
    attempts += [attempt(GROUP), attempt(GROUP, 1), attempt(LEAVE), attempt(LEAVE, 0.02)]
    refused = [attempt(mark("refused", group_destroyed), status=None)]
    kept = [stored(attempt.callback) for attempt in attempts[: len(KINDS)]]
    kept += [stored(GROUP), stored(GROUP, 1.05, "duplicate"), stored(LEAVE), stored(LEAVE, 0.11)]

    assert check(attempts + refused, *rows(*kept)) == Findings()


def test_attempt_that_nobody_acknowledged_may_be_stored_after_its_sender_gave_up():
    attempts = [attempt(GROUP, status=None), attempt(LEAVE, status=503)]

    assert check(attempts, *rows(stored(GROUP, 9), stored(LEAVE, 9))) == Findings()
    assert check(attempts, [], []) == Findings()


@pytest.mark.parametrize("repeats", [1, 2])
def test_checker_finds_what_was_acknowledged_and_is_not_stored(repeats):
    attempts = [attempt(GROUP, second) for second in range(repeats)]
    kept = [stored(GROUP)] * (repeats - 1)

    assert check(attempts, *rows(*kept)) == Findings(lost=(GROUP.marker,))


def test_checker_finds_a_delivery_that_is_stored_twice():
    kept = rows(stored(GROUP), stored(GROUP, 0.05, "duplicate"))

    assert check([attempt(GROUP)], *kept) == Findings(forged=(GROUP.marker,))


def test_checker_finds_a_body_that_was_changed():
    changed = replace(GROUP, body=GROUP.body + b" ")

    found = check([attempt(GROUP)], *rows(stored(changed)))

    assert found.lost == (GROUP.marker,)
    assert len(found.forged) == 1


def test_checker_finds_two_events_of_one_marker():
    attempts = [attempt(GROUP), attempt(GROUP, 1)]

    found = check(attempts, *rows(stored(GROUP), stored(GROUP, 1.05)))

    assert found == Findings(doubled=(GROUP.marker,))


@pytest.mark.parametrize("second", [-0.002, 0.102, 60])
def test_checker_finds_an_instant_at_which_nobody_waited(second):
    found = check([attempt(GROUP)], *rows(stored(GROUP, second)))

    assert found == Findings(misdated=(GROUP.marker,))


def test_checker_finds_two_deliveries_with_the_instant_of_one():
    attempts = [attempt(LEAVE), attempt(LEAVE, 1)]

    found = check(attempts, *rows(stored(LEAVE, 1.01), stored(LEAVE, 1.05)))

    assert found == Findings(misdated=(LEAVE.marker,))


@pytest.mark.parametrize(
    "change",
    [{"subject_id": "@TGS#3"}, {"members": 0}, {"received_at": START}],
    ids=["subject", "members", "instant"],
)
def test_checker_finds_an_event_that_is_not_what_its_body_says(change):
    deliveries, (event,) = stored(GROUP)

    found = check([attempt(GROUP)], deliveries, [replace(event, **change)])

    assert found == Findings(misread=(GROUP.marker,))


@pytest.mark.parametrize("verdict", ["duplicate", "unhandled", "invalid"])
def test_checker_finds_a_verdict_without_its_event(verdict):
    found = check([attempt(GROUP)], *rows(stored(GROUP, verdict=verdict)))

    assert found == Findings(misread=(GROUP.marker,))


def test_checker_finds_a_row_that_is_deleted_from_a_real_database(begin, servers):
    with begin(servers("sqlite"), recorded=False) as trial:
        trial.send([GROUP, LEAVE], connections=1).finish()
    with closing(sqlite3.connect(trial.database_url.database)) as connection, connection:
        connection.execute("DELETE FROM deliveries WHERE verdict = 'unhandled'")

    trial.prove()

    assert trial.findings == Findings(lost=(LEAVE.marker,))
