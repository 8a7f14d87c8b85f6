"""The journal of readings: only readings come out of it, and it delays no callback."""

import os
from datetime import timedelta

import pytest
import sqlalchemy as sa

from models.tables import ActOfReading, Delivery, JournalMark, QuarantinedRequest, ServiceEvent
from services.journal.folder import DAMAGED, KEPT, OPEN, SEALED, make_folder
from services.journal.journal import Journal
from services.journal.records import Kind, Record, new_uuid
from services.recording import loop as loops
from services.recording.aside import set_aside
from services.recording.loop import READINGS_KEPT, Loop
from tests.conftest import NOW
from tests.services.recording.conftest import callback_record, refusal_record, tally_record

SEGMENT = "0000000000000001-0"


def reading_record(seconds=0.0, **more):
    at = NOW + timedelta(seconds=seconds)
    head = {
        "holder": "alice",
        "sign_in": "key",
        "address": "/history",
        "subject_id": None,
        "user_id": None,
        "status": 200,
        "peer": "127.0.0.1",
        "request_id": "1",
    }
    return Record(Kind.READING, new_uuid(at), at, head | more)


@pytest.fixture
def folder(journal_of_readings):
    return journal_of_readings[0]


@pytest.fixture
def loop(recorder):
    loop = Loop(recorder)
    yield loop
    loop.readings.close()


def test_reading_is_recorded_once_however_often_it_is_there(write, folder, loop, rows):
    one = reading_record()
    write(one, one, folder=folder)
    loop.record_readings()
    write(one, folder=folder)
    loop.record_readings()

    assert [(row.id, row.uuid, row.holder) for row in rows(ActOfReading)] == [
        (1, one.uuid, "alice")
    ]
    assert len([*(folder / KEPT).iterdir()]) == 2


@pytest.mark.any_engine
@pytest.mark.parametrize("name", ["\u241b", "\u241b" * 51, f"{'x' * 243}@example.com"])
def test_reader_is_named_in_full(write, folder, loop, rows, name):
    write(reading_record(holder=name), folder=folder)
    loop.record_readings()

    assert [row.holder for row in rows(ActOfReading)] == [name]


def test_reader_cannot_add_callbacks(write, folder, loop, rows, caplog):
    """Nor anything else, whatever the reader process writes there."""
    forged = [callback_record(), refusal_record(), tally_record(lost=[callback_record(1)])]
    forged += [
        Record(kind, new_uuid(NOW), NOW, {"process": "x"}) for kind in (Kind.STARTED, Kind.STOPPED)
    ]
    misleading = reading_record(losses={"count": 7}, process="x")
    write(*forged, misleading, folder=folder)

    loop.record_readings()

    assert [row.uuid for row in rows(ActOfReading)] == [misleading.uuid]
    for table in (Delivery, QuarantinedRequest, ServiceEvent):
        assert rows(table) == []
    assert "dropped 5 records that do not belong in this one" in caplog.text


def test_reader_cannot_add_callbacks_to_what_is_stuck(write, folder, loop, rows):
    make_folder(folder)
    set_aside([folder], callback_record())

    loop.tidy_readings()

    assert rows(Delivery) == []


def test_reader_cannot_pass_a_segment_of_callbacks_off_as_recorded(
    write, folder, loop, recorder, journal, rows
):
    """It reads the names of segments in the status of the journal."""
    write(*(reading_record(number) for number in range(9)), folder=folder)
    write(callback_record())
    [theirs], [ours] = (list(one.glob("*.sealed")) for one in (folder, journal.folders[0]))
    theirs.rename(theirs.with_name(ours.name))

    loop.record_readings()
    recorder.record_available()

    assert len(rows(Delivery)) == 1
    name = ours.name.partition(".")[0]
    assert {row.segment for row in rows(JournalMark)} == {name, f"reading/{name}"}


def test_pipe_among_the_readings_holds_nothing_up(folder, loop, write, rows):
    make_folder(folder)
    os.mkfifo(folder / f"{SEGMENT}.0{OPEN}")
    write(reading_record(), folder=folder)

    loop.record_readings()
    loop.record_readings()

    assert len(rows(ActOfReading)) == 1


def test_callback_is_recorded_without_the_folder_and_over_any_fault_of_it(
    write, folder, loop, rows, caplog
):
    write(callback_record())
    loop.work()
    make_folder(folder)
    (folder / f"{SEGMENT}.1{SEALED}").write_bytes(b"damaged")
    (folder / f"{SEGMENT}.0{DAMAGED}").mkdir()  # damaged bytes cannot be saved
    write(callback_record(1))
    loop.chores = dict.fromkeys(loop.chores, (0.0, 0.0))
    for _ in range(2):
        loop.work()

    assert len(rows(Delivery)) == 2
    assert "readings are waiting in their journal: IsADirectoryError" in caplog.text


def test_kept_readings_are_recorded_again_where_the_database_lacks_them(
    write, folder, loop, rows, database_url
):
    write(reading_record(), folder=folder)
    loop.record_readings()
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        for table in (ActOfReading, JournalMark):
            connection.execute(sa.delete(table))
    engine.dispose()
    loop.readings.database.close()
    write(reading_record(1), folder=folder)

    loop.record_readings()

    assert len(rows(ActOfReading)) == 2


def test_marks_of_readings_go_with_their_segments(write, folder, loop, recorder, rows):
    write(reading_record(), folder=folder)
    loop.record_readings()
    recorder.now = lambda: NOW + timedelta(days=9999)

    loop.tidy_readings()

    assert rows(JournalMark) == []


def test_readings_are_dropped_when_they_are_old_or_too_many(
    write, folder, loop, recorder, rows, monkeypatch
):
    write(*(reading_record(number) for number in range(4)), folder=folder)
    loop.record_readings()
    recorder.database.is_new()
    recorder.now = lambda: NOW + READINGS_KEPT + timedelta(seconds=0.5)

    loop.forget_readings()
    assert [row.id for row in rows(ActOfReading)] == [1, 2, 3, 4]  # the clock was just set
    monkeypatch.setattr(loops, "STEADY_SECONDS", 0)
    loop.forget_readings()
    assert [row.id for row in rows(ActOfReading)] == [2, 3, 4]
    monkeypatch.setattr(loops, "MOST_READINGS", 2)
    loop.forget_readings()
    assert [row.id for row in rows(ActOfReading)] == [3, 4]


def test_folder_that_its_group_may_write_to_is_shared_with_it(folder):
    """The recorder, another user of that group, reads the segments and moves them."""
    folder.mkdir()
    folder.chmod(0o2770)
    journal = Journal([folder])
    journal.append(reading_record())

    [segment] = folder.glob("*.open")
    assert segment.stat().st_mode & 0o777 == 0o640
    assert (folder / KEPT).stat().st_mode & 0o777 == 0o770
    journal.close()
