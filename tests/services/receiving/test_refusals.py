"""Refused requests: how much of them is stored, and the lines of the log."""

from datetime import timedelta

import pytest

from models.vocabulary import Measure, Refusal
from schemas.tencent.envelope import Arrival
from services.journal.folder import list_waiting
from services.journal.journal import Journal
from services.journal.records import Kind, write_record
from services.receiving.refusals import LOG_SECONDS, OF_APPS, Refusals, Refused
from services.receiving.tally import Tally
from tests.conftest import APP, NOW, ROTATING_APP
from tests.services.journal.conftest import read_back

DAY_SECONDS = 24 * 60 * 60
OF_STRANGERS = {
    Refusal.APP_MISSING,
    Refusal.APP_UNKNOWN,
    Refusal.BODY_TOO_LARGE,
    Refusal.WRONG_ADDRESS,
}
KINDS = [
    (reason, app)
    for reason in Refusal
    for app in (APP, None)
    if (reason in OF_STRANGERS if app is None else not reason.startswith("app"))
]


@pytest.fixture
def refusals(journal):
    opened = Journal(journal.folders)
    yield Refusals(opened, Tally())
    opened.close()


@pytest.fixture
def logged(caplog):
    """What was logged since the last call."""

    def logged():
        messages = caplog.messages[:]
        caplog.clear()
        return messages

    return logged


def at(seconds):
    return Arrival(NOW + timedelta(seconds=seconds), "192.0.2.1", "SdkAppid=1", float(seconds))


def add(refusals, seconds, reason=Refusal.APP_UNKNOWN, app=None, body=b"", **more):
    refused = Refused(reason, at(seconds), app, most_bytes=len(body), **more)
    refusals.add(refused, lambda: body)


def test_first_is_logged_at_once_and_the_others_together_a_minute_later(refusals, logged):
    for second in range(60):
        add(refusals, second)
        refusals.log_all(second)
    assert logged() == ["1 refused: app_unknown, the last from 192.0.2.1"]

    refusals.log_all(LOG_SECONDS)
    refusals.log_all(LOG_SECONDS + 1)

    assert logged() == ["59 refused: app_unknown, the last from 192.0.2.1"]


def test_log_is_bounded_whatever_is_refused(refusals, logged):
    for second in range(DAY_SECONDS // 24):
        for reason, app in KINDS:
            add(refusals, second, reason, app)
            add(refusals, second, reason, app)
    refusals.log_all(DAY_SECONDS)

    assert len(logged()) <= len(KINDS) * (60 + 1)


def test_each_reason_and_app_has_a_line_of_its_own(refusals, logged):
    for app in (APP, ROTATING_APP, None):
        for reason in (Refusal.BODY_TOO_LARGE, Refusal.WRONG_ADDRESS):
            add(refusals, 0, reason, app)
            add(refusals, 1, reason, app)

    assert len(logged()) == 6


@pytest.mark.parametrize(
    ("reason", "off", "cause"),
    [
        (Refusal.SIGN_WRONG, None, "the token in SDK_APPS may not be the one"),
        (Refusal.SIGN_MISSING, None, "authentication may be off in Tencent's console"),
        (Refusal.SIGN_EXPIRED, 61, "the clock of this machine is 61 s ahead of the sender's"),
        (Refusal.SIGN_EXPIRED, -300, "the clock of this machine is 300 s behind the sender's"),
        (Refusal.SIGN_EXPIRED, None, "RequestTime is no time"),
    ],
)
def test_refusal_that_names_our_app_says_what_is_lost_and_why(refusals, logged, reason, off, cause):
    signed_at = None if off is None else NOW - timedelta(seconds=off)

    add(refusals, 0, reason, APP, signed_at=signed_at)

    (line,) = logged()
    assert line.startswith(f"1 refused: {reason}, the last from 192.0.2.1. They name app {APP}")
    assert "probably Tencent's, and lost until this is corrected" in line
    assert cause in line


def test_refusal_waits_for_no_disk(refusals, journal):
    add(refusals, 0, body=b"a")
    assert not list_waiting(journal.folders[0])
    refusals.write()
    (record,) = read_back(journal.folders[0])
    assert (record.kind, record.body, record.head["body_bytes"]) == (Kind.REFUSAL, b"a", 1)


def test_body_is_read_only_if_there_is_room_for_it(refusals):
    refused = Refused(Refusal.SIGN_WRONG, at(0), APP, most_bytes=OF_APPS[0])

    refusals.add(refused, lambda: pytest.fail("the body was read"))

    (count,) = refusals.tally.take()["counts"]
    assert count[1:] == [Measure.REFUSED, APP, "sign_wrong", 1]


def test_flood_of_one_reason_takes_no_room_of_another(refusals):
    for _ in range(1000):
        add(refusals, 0, body=bytes(64 * 1024))
    before = len(refusals.waiting)

    for reason, app in KINDS:
        if (reason, app) != (Refusal.APP_UNKNOWN, None):
            add(refusals, 0, reason, app, body=bytes(64 * 1024))

    assert len(refusals.waiting) == before + len(KINDS) - 1


def test_flood_of_a_day_adds_less_than_a_quarter_of_a_gigabyte_to_the_journal(refusals):
    """For one worker; the database stores as much as the journal."""
    stored = 0
    for second in range(0, DAY_SECONDS, 300):
        for reason, app in KINDS:
            while not refusals.tally.counts:  # until the budget is used up
                add(refusals, second, reason, app, body=bytes(10_000))
            refusals.tally.clear()
        stored += sum(len(write_record(record)) for record in refusals.waiting)
        refusals.waiting.clear()

    assert stored < 250_000_000
