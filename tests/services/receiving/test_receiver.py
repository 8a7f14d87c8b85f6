"""The receiver of one process: the records about itself, and losses."""

from datetime import timedelta

import pytest

from models.vocabulary import Measure, Refusal
from schemas.tencent.body import Reading
from schemas.tencent.envelope import Arrival, Envelope
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from services.journal.folder import list_waiting
from services.journal.journal import NotDurableError
from services.journal.records import Kind
from services.journal.status import measure, read_status, write_status
from services.receiving.receiver import Receiver
from services.receiving.refusals import Refused
from tests.conftest import APP, NOW
from tests.services.journal.conftest import read_back

ARRIVAL = Arrival(NOW, "192.0.2.1", "SdkAppid=888888", 0.0)


@pytest.fixture
def here(receiver):
    """The receiver of the app."""
    return receiver.extensions["receiver"]


@pytest.fixture
def stored(journal):
    """Read the records of the journal, without tallies unless they are asked for."""
    return lambda *kinds: [one for one in read_back(journal.folders[0]) if one.kind in kinds]


def test_start_and_stop_are_in_the_journal(receiver_settings, clock, stored):
    here = Receiver(receiver_settings, clock)
    here.start()
    here.close()

    assert [record.kind for record in stored(*Kind)] == [Kind.STARTED, Kind.STOPPED]
    assert {record.received_at for record in stored(*Kind)} == {NOW}
    (process,) = {record.head["process"] for record in stored(*Kind)}
    assert ":" in process


def test_app_without_a_token_is_warned_about(receiver_settings, clock, caplog):
    here = Receiver(receiver_settings, clock)
    here.start()
    here.close()

    assert [line for line in caplog.messages if "SDK_APPS" in line] == [
        "SDK_APPS: app 1400000002 has no token: any sender is accepted"
    ]


def test_what_is_accepted_is_stored_as_it_arrived(here, stored):
    reading = here.accept(ARRIVAL, APP, Envelope(), b"\0\xffbody")

    (record,) = stored(Kind.CALLBACK)
    assert (record.received_at, record.body) == (NOW, b"\0\xffbody")
    assert Reading.of(record.head["reading"]) == reading
    assert record.head | {"reading": None} == {
        "sdk_app_id": APP,
        "peer": "192.0.2.1",
        "query_string": "SdkAppid=888888",
        "reading": None,
    }


def test_callback_that_a_fault_of_ours_keeps_from_being_read_is_stored(here, stored, monkeypatch):
    monkeypatch.setitem(LIFECYCLE_SCHEMAS, "Group.Any", None)

    assert here.accept(ARRIVAL, APP, Envelope(commands=["Group.Any"]), b"{}") is None

    (record,) = stored(Kind.CALLBACK)
    assert (record.body, record.head["reading"]) == (b"{}", None)


def test_nothing_is_written_where_nothing_was_counted(here, journal):
    here.write_tally()

    assert list_waiting(journal.folders[0]) == []


@pytest.fixture
def block(journal, here):
    """Make all folders refuse; the returned function undoes that."""
    journal.folders[0].write_bytes(b"in place of the folder")

    def clear():
        journal.folders[0].unlink()
        here.journal.folders[0].refused_at -= 1

    return clear


def test_callback_that_no_folder_takes_is_counted_as_lost_once_one_does(
    here, stored, block, clock, journal
):
    for seconds in (0, 5, 2):
        arrival = Arrival(NOW + timedelta(seconds=seconds), "", "", 0.0)
        with pytest.raises(NotDurableError):
            here.accept(arrival, APP, Envelope(), b"")
    here.write_tally()  # in vain
    block()
    here.write_tally()
    here.write_tally()

    (tally,) = stored(Kind.TALLY)
    minute = NOW.replace(second=0, microsecond=0).isoformat()
    assert [minute, "lost", APP, "", 3] in tally.head["counts"]
    assert tally.head["losses"] == {
        "count": 3,
        "first_at": NOW.isoformat(),
        "last_at": (NOW + timedelta(seconds=5)).isoformat(),
        "doubtful": [],
    }


def test_receiver_that_refuses_tries_again_without_a_callback(here, block):
    with pytest.raises(NotDurableError):
        here.accept(ARRIVAL, APP, Envelope(), b"")
    here.write_tally()
    assert here.journal.is_refusing

    block()
    here.write_tally()

    assert not here.journal.is_refusing


def test_refused_request_that_no_folder_takes_is_counted(here, stored, block):
    here.refusals.add(Refused(Refusal.SIGN_WRONG, ARRIVAL, APP), bytes)
    here.refusals.write()
    block()
    here.write_tally()

    (tally,) = stored(Kind.TALLY)
    ((_, measured, app, name, value),) = tally.head["counts"]
    assert (measured, app, name, value) == (Measure.REFUSED, APP, Refusal.SIGN_WRONG, 1)
    assert tally.head["losses"] is None


def test_receiver_tells_what_waits_while_no_recorder_does(here, journal, clock):
    here.accept(ARRIVAL, APP, Envelope(), b"")
    here.tick()
    here.journal.folders[0].thread.submit(int).result()  # the name was changed
    here.tick()

    assert read_status(journal.folders).waiting == 2  # the callback, and what was counted


def test_receiver_leaves_the_status_to_a_recorder_at_work(here, journal, clock):
    here.accept(ARRIVAL, APP, Envelope(), b"")
    of_recorder = measure(journal.folders, {}, recorder_at=NOW, now=NOW)
    write_status(journal.folders, of_recorder)
    clock.move(seconds=4)
    here.tick()
    assert read_status(journal.folders) == of_recorder

    clock.move(seconds=2)
    here.tick()

    status = read_status(journal.folders)
    assert (status.at, status.recorder_at) == (clock(), NOW)
