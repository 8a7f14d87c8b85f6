"""The recorder: every record of the journal is in the tables, in order of arrival, once."""

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa

from config import RecorderSettings
from models.tables import (
    Delivery,
    JournalMark,
    Label,
    LifecycleEvent,
    MinuteCount,
    QuarantinedRequest,
    ServiceEvent,
)
from models.vocabulary import Measure
from services.journal.folder import DAMAGED, list_kept, list_stuck, list_waiting
from services.journal.journal import Journal
from services.journal.records import Kind, Record, new_uuid, write_record
from services.journal.status import measure
from services.recording.database import NotReadyError
from services.recording.following.follow import follow_all
from services.recording.recorder import Recorder
from tests.conftest import APP, NOW
from tests.payloads import channel_created, group_created, group_destroyed
from tests.services.recording.conftest import (
    bad_group,
    callback_record,
    refusal_record,
    tally_record,
)


def ids(rows, model=Delivery):
    return [row.id for row in rows(model)]


def status_of(recorder, clock):
    folders = recorder.settings.journal.folders
    return measure(folders, recorder.progress, recorder_at=None, now=clock())


def test_records_of_several_segments_are_stored_in_order_of_arrival(write, recorder, rows):
    first, second, third = (callback_record(n) for n in range(3))
    write(first, third)
    write(second)

    assert recorder.record_available() == 3

    assert [row.uuid for row in rows(Delivery)] == [first.uuid, second.uuid, third.uuid]
    assert ids(rows) == [1, 2, 3]


def test_nothing_is_recorded_twice_nor_counted_twice(write, recorder, rows, counted):
    record = callback_record()
    write(record, record)
    write(record)

    recorder.record_available()

    assert ids(rows) == [1]
    assert counted(Measure.RECEIVED) == {(APP, "Group.Any"): 1}


def test_segment_that_is_still_written_is_recorded_too(post, recorder, rows, journal):
    for _ in range(2):
        post(group_created())
        recorder.record_available()

    assert len(rows(Delivery)) == 2
    (segment,) = list_waiting(journal.folders[0])
    (mark,) = rows(JournalMark)
    assert (mark.segment, mark.recorded_bytes) == (segment.segment, segment.path.stat().st_size)
    assert list_kept(journal.folders[0]) == []


def test_segment_is_kept_once_all_of_it_is_recorded(write, recorder, rows, journal):
    write(callback_record())
    (segment,) = list_waiting(journal.folders[0])

    recorder.record_available()

    assert list_waiting(journal.folders[0]) == []
    (kept,) = list_kept(journal.folders[0])
    assert (kept.segment, kept.records) == (segment.segment, 1)
    assert rows(JournalMark)[0].recorded_bytes == kept.path.stat().st_size


def test_marks_are_stored_in_the_transaction_that_records(write, recorder, rows, administer):
    write(callback_record())
    administer("DROP TABLE journal_marks")

    with pytest.raises(sa.exc.DBAPIError):
        recorder.record_available()

    assert rows(Delivery) == []


@pytest.mark.parametrize("comes_through", [True, False])
def test_commit_whose_outcome_nobody_heard_makes_no_second_row(
    write, recorder, rows, counted, comes_through
):
    write(callback_record(1), callback_record(2))
    recorder.database.is_new()
    recorder.compare()
    dialect = recorder.database.engine.dialect
    commit, lost = dialect.do_commit, []

    def lose(connection):
        if not lost:
            lost.append(connection)
            if comes_through:
                commit(connection)
            raise dialect.loaded_dbapi.OperationalError("connection lost")
        commit(connection)

    dialect.do_commit = lose
    recorder.record_available()

    assert lost
    assert ids(rows) == [1, 2]
    assert counted(Measure.RECEIVED) == {(APP, "Group.Any"): 2}


@pytest.fixture
def other_recorder(recorder_settings, clock):
    """Another recorder of the same journal, by mistake."""
    recorder = Recorder(recorder_settings, clock)
    yield recorder
    recorder.close()


def test_two_recorders_in_turn_do_no_harm(post, recorder, other_recorder, rows, counted):
    for number in range(6):
        post(group_created(GroupId=f"g{number}"))
        (recorder, other_recorder)[number % 2].record_available()
        (recorder, other_recorder)[number % 3 == 0].record_available()

    assert ids(rows) == ids(rows, LifecycleEvent) == [1, 2, 3, 4, 5, 6]
    assert sum(counted(Measure.RECEIVED).values()) == 6


def test_two_recorders_at_once_do_no_harm(post, recorder, other_recorder, rows, counted):
    def record(recorder):
        while posting.is_alive():
            recorder.record_available()

    posting = Thread(target=lambda: [post(group_created(GroupId=f"g{n}")) for n in range(60)])
    threads = [Thread(target=record, args=[one]) for one in (recorder, other_recorder)]
    for thread in (posting, *threads):
        thread.start()
    for thread in (posting, *threads):
        thread.join()
    recorder.record_available()

    assert ids(rows) == ids(rows, LifecycleEvent) == [*range(1, 61)]
    assert sum(counted(Measure.RECEIVED).values()) == 60


def minute_counts(rows):
    return [tuple(row) for row in rows(MinuteCount)]


@pytest.fixture
def restored_url(engine, database_url):
    """The database from a backup that is older than all records."""
    with engine.clone() as url:
        yield url


def test_restored_database_gets_what_it_lacks(write, recorder, rows, restored_url, journal, clock):
    body = json.dumps(group_created()).encode()
    write(callback_record(1, body=body), refusal_record(2), callback_record(3, body=body))
    write(tally_record(4, refused=7), Record(Kind.STOPPED, new_uuid(NOW), NOW, {"process": "x"}))
    recorder.record_available()
    follow_all(recorder.database)
    assert list_waiting(journal.folders[0]) == []

    restored = Recorder(RecorderSettings(restored_url, journal), clock)
    for _ in range(2):
        restored.record_available()
        follow_all(restored.database)
    restored.close()

    engine = sa.create_engine(restored_url)
    with engine.connect() as connection:
        tables = (Delivery, LifecycleEvent, Label, QuarantinedRequest, MinuteCount, ServiceEvent)
        for model in tables:
            query = sa.select(model).order_by(*model.__table__.primary_key)
            assert connection.execute(query).all() == rows(model) != []
    engine.dispose()


def test_file_that_was_replaced_under_the_recorder_gets_what_it_lacks(
    write, recorder, rows, counted, database_url, engine, tmp_path
):
    if engine.name != "sqlite":
        pytest.skip("a matter of files")
    write(callback_record(1))
    recorder.record_available()
    backup = Path(shutil.copy(database_url.database, tmp_path / "backup.db"))
    write(callback_record(2))
    recorder.record_available()

    for ending in ("-wal", "-shm"):
        Path(f"{database_url.database}{ending}").unlink(missing_ok=True)
    backup.rename(database_url.database)
    write(callback_record(3))
    recorder.record_available()

    assert ids(rows) == [1, 2, 3]
    assert sum(counted(Measure.RECEIVED).values()) == 3


def test_marks_that_went_back_are_noticed_over_the_same_connection(
    post, recorder, rows, administer
):
    """As when a dump is loaded while the recorder is connected."""
    for group_id in ("g1", "g2"):
        post(group_created(GroupId=group_id))
        recorder.record_available()
    for table in ("deliveries", "lifecycle_events", "minute_counts", "journal_marks", "commands"):
        administer(f"DELETE FROM {table}")

    post(group_destroyed())
    recorder.record_available()

    assert [row.command for row in rows(Delivery)] == [
        group_created()["CallbackCommand"],
        group_created()["CallbackCommand"],
        group_destroyed()["CallbackCommand"],
    ]


def test_recording_again_brings_back_what_is_gone_and_counts_nothing(
    write, recorder, rows, administer
):
    write(callback_record(1), callback_record(2), callback_record(3))
    recorder.record_available()
    before = minute_counts(rows)
    administer("DELETE FROM deliveries WHERE id > 1")

    again = recorder.record_again(NOW + timedelta(seconds=3))

    assert again == 1
    assert ids(rows) == [1, 4]
    assert recorder.record_again(NOW) == 3
    assert ids(rows) == [1, 4, 5]
    assert minute_counts(rows) == before


def test_one_bad_record_does_not_hold_up_the_others(
    post, recorder, rows, clock, journal, refuse_bad_group
):
    post(group_created())
    post(bad_group())
    post(channel_created())

    recorder.record_available()

    assert ids(rows) == ids(rows, LifecycleEvent) == [1, 2]
    (stuck,) = list_stuck(journal.folders[0])
    status = status_of(recorder, clock)
    assert (status.stuck, status.waiting) == (1, 1)

    assert recorder.retry_stuck() == 1
    assert list_stuck(journal.folders[0]) == [stuck]
    refuse_bad_group()
    assert recorder.retry_stuck() == 0

    assert ids(rows) == ids(rows, LifecycleEvent) == [1, 2, 3]
    assert rows(LifecycleEvent)[2].subject_id == "bad"
    assert list_stuck(journal.folders[0]) == []
    assert status_of(recorder, clock).waiting == 0


def test_record_of_another_release_does_not_hold_up_the_others(write, recorder, rows, journal):
    strange = Record(Kind.CALLBACK, new_uuid(NOW), NOW, {"unheard": 1}, b"body")
    strange_tally = Record(
        Kind.TALLY,
        new_uuid(NOW),
        NOW,
        {"counts": [[NOW.isoformat(), "unheard", "", "", 1]], "losses": None, "process": "x"},
    )
    write(callback_record(1), strange, strange_tally, callback_record(2))

    recorder.record_available()

    assert ids(rows) == [1, 2]
    stuck = list_stuck(journal.folders[0])
    assert {path.read_bytes() for path in stuck} == {
        write_record(strange),
        write_record(strange_tally),
    }


@pytest.mark.parametrize("reading", [None, [], ["Group.Any"] + [None] * 9])
def test_callback_whose_reading_is_of_no_use_is_read_again(write, recorder, rows, reading):
    record = callback_record(1, body=json.dumps(group_created()).encode())
    write(replace(record, head=record.head | {"reading": reading}))

    recorder.record_available()

    assert [event.action for event in rows(LifecycleEvent)] == ["created"]


def test_event_time_in_seconds_is_told_from_one_in_milliseconds(write, recorder, rows):
    bodies = [group_created(GroupId=str(time), EventTime=time) for time in (1670574414, 10**11)]
    write(*(callback_record(1, body=json.dumps(body).encode()) for body in bodies))

    recorder.record_available()

    assert [
        (event.event_time, event.occurred_at.isoformat()) for event in rows(LifecycleEvent)
    ] == [
        (1670574414, "2022-12-09T08:26:54+00:00"),
        (10**11, "1973-03-03T09:46:40+00:00"),
    ]


def test_body_that_the_server_takes_no_packet_of_is_set_aside(
    write, recorder, rows, engine, database_url, journal
):
    if engine.name != "mysql":
        pytest.skip("the others have no such limit")
    with recorder.database.begin() as connection:
        most = connection.exec_driver_sql("SELECT @@max_allowed_packet").scalar()
    if most > 64 * 1024 * 1024:
        pytest.skip("the limit of this server is high")
    write(callback_record(1), callback_record(2, body=bytes(most)), callback_record(3))

    recorder.record_available()

    assert ids(rows) == [1, 2]
    assert len(list_stuck(journal.folders[0])) == 1


def test_nothing_is_set_aside_while_the_database_is_not_well(
    write, recorder, rows, administer, journal
):
    write(callback_record(1))
    administer("ALTER TABLE deliveries RENAME TO elsewhere")

    with pytest.raises(sa.exc.DBAPIError):
        recorder.record_available()
    assert list_stuck(journal.folders[0]) == []
    administer("ALTER TABLE elsewhere RENAME TO deliveries")
    recorder.record_available()

    assert ids(rows) == [1]


@pytest.mark.parametrize("position", [0, 1, 2])
def test_damaged_record_is_saved_and_the_rest_recorded(write, recorder, rows, journal, position):
    records = [callback_record(n) for n in range(3)]
    write(*records)
    (segment,) = list_waiting(journal.folders[0])
    data = bytearray(segment.path.read_bytes())
    start = sum(len(write_record(record)) for record in records[:position])
    end = start + len(write_record(records[position]))
    data[end - 1] ^= 1
    segment.path.write_bytes(data)

    recorder.record_available()

    rest = [record.uuid for record in records if record is not records[position]]
    assert [row.uuid for row in rows(Delivery)] == rest
    (saved,) = journal.folders[0].glob(f"*{DAMAGED}")
    assert saved.read_bytes() == data[start:end]
    assert len(list_kept(journal.folders[0])) == 1


def test_segment_of_a_dead_writer_is_taken_over_with_its_torn_tail(write, recorder, rows, journal):
    record = callback_record()
    write(record)
    (segment,) = list_waiting(journal.folders[0])
    data = segment.path.read_bytes()
    segment.path.write_bytes(data + data[:-1])
    segment.path.rename(segment.path.with_suffix(".open"))

    recorder.record_available()

    assert [row.uuid for row in rows(Delivery)] == [record.uuid]
    (saved,) = journal.folders[0].glob(f"*{DAMAGED}")
    assert saved.read_bytes() == data[:-1]
    (kept,) = list_kept(journal.folders[0])
    assert kept.path.name.endswith(".sealed")


def test_torn_tail_of_a_living_writer_is_waited_for(recorder, rows, journal):
    records = [callback_record(1), callback_record(2)]
    writer = Journal(journal.folders)
    writer.append(records[0])
    (segment,) = list_waiting(journal.folders[0])
    rest = write_record(records[1])
    with segment.path.open("ab") as file:
        file.write(rest[:30])
    recorder.record_available()
    assert ids(rows) == [1]
    assert [*journal.folders[0].glob(f"*{DAMAGED}")] == []

    with segment.path.open("ab") as file:
        file.write(rest[30:])
    recorder.record_available()
    writer.close()

    assert ids(rows) == [1, 2]


def test_record_longer_than_what_is_read_at_once_is_recorded(write, recorder, rows):
    bodies = [bytes([n]) * 3_000_000 for n in range(3)]
    write(*(callback_record(n, body=body) for n, body in enumerate(bodies)))

    recorder.record_available()

    assert [row.body for row in rows(Delivery)] == bodies


def test_folders_of_a_journal_are_recorded_together(tmp_path, database_url, journal, write, rows):
    second = tmp_path / "second"
    write(callback_record(2))
    write(callback_record(1), folder=second)
    folders = (journal.folders[0], second, tmp_path / "missing")
    settings = RecorderSettings(database_url, type(journal)(folders))
    recorder = Recorder(settings, lambda: NOW)

    recorder.record_available()
    recorder.close()

    assert [row.received_at - NOW for row in rows(Delivery)] == [
        timedelta(seconds=1),
        timedelta(seconds=2),
    ]


def test_database_that_is_not_migrated_is_left_alone(engine, write, journal):
    write(callback_record())
    with engine.empty() as url:
        recorder = Recorder(RecorderSettings(url, journal), lambda: NOW)
        if engine.name == "sqlite":
            with pytest.raises(NotReadyError, match="does not exist: run make migrate"):
                recorder.record_available()
            Path(url.database).touch()
        with pytest.raises(NotReadyError, match="revision none, not 0001: run make migrate"):
            recorder.record_available()
        recorder.close()

    assert len(list_waiting(journal.folders[0])) == 1
