"""Counts per minute, lost callbacks and differences, as the recorder maintains them."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from models.clock import to_hour
from models.tables import (
    Delivery,
    Difference,
    HourCount,
    LostCallback,
    MinuteCount,
    ServiceEvent,
)
from models.vocabulary import Measure, Refusal
from services.journal.records import Kind, Record, new_uuid
from services.recording.counts import MAX_DIFFERENCES, MAX_OTHER_COMMANDS
from services.recording.loop import MINUTES_KEPT, fold_old_minutes
from services.recording.store import Batch
from tests.conftest import APP, NOW, OPEN_APP
from tests.payloads import group_created, group_destroyed
from tests.services.recording.conftest import callback_record, refusal_record, tally_record

MINUTE = NOW.replace(second=0, microsecond=0)


def received(rows):
    return {
        (row.minute, row.sdk_app_id, row.name, row.verdict): row.value
        for row in rows(MinuteCount)
        if row.measure == Measure.RECEIVED
    }


def test_callbacks_are_counted_by_minute_app_command_and_verdict(deliver, rows, clock):
    deliver(group_created())
    deliver(group_created())
    deliver(group_created(), query={"SdkAppid": OPEN_APP})
    deliver({"CallbackCommand": "Group.Any"})
    deliver(data=b"junk")
    clock.move(seconds=60)
    deliver(group_destroyed())

    created, destroyed = (body()["CallbackCommand"] for body in (group_created, group_destroyed))
    assert received(rows) == {
        (MINUTE, APP, created, "accepted"): 1,
        (MINUTE, APP, created, "duplicate"): 1,
        (MINUTE, OPEN_APP, created, "accepted"): 1,
        (MINUTE, APP, "Group.Any", "unhandled"): 1,
        (MINUTE, APP, "", "invalid"): 1,
        (MINUTE + timedelta(minutes=1), APP, destroyed, "accepted"): 1,
    }


def commands(counted):
    return {name for _, name in counted(Measure.RECEIVED)}


def test_undocumented_commands_beyond_fifty_are_counted_as_other(
    write, recorder, counted, recorder_settings, clock
):
    def of_commands(first, last):
        bodies = (f'{{"CallbackCommand":"Any.{n}"}}'.encode() for n in range(first, last))
        return [callback_record(body=body) for body in bodies]

    write(*of_commands(0, MAX_OTHER_COMMANDS - 1))
    recorder.record_available()
    recorder.database.close()  # another recorder begins with what is already counted
    write(*of_commands(MAX_OTHER_COMMANDS - 1, MAX_OTHER_COMMANDS + 20), *of_commands(0, 1))
    recorder.record_available()

    found = counted(Measure.RECEIVED)
    assert len(found) == MAX_OTHER_COMMANDS + 1
    assert found[APP, "other"] == 20
    assert found[APP, "Any.0"] == 2


def test_delay_is_the_largest_of_its_minute(post, recorder, counted, clock):
    for milliseconds in (5, 70, 3):
        post(group_created())
        clock.now = NOW + timedelta(milliseconds=milliseconds)
        recorder.record_available()
        clock.now = NOW

    assert counted(Measure.DELAY_MICROSECONDS) == {(APP, ""): 70_000}


def test_hours_have_verdicts_and_reasons_with_their_minutes(
    write, recorder, post, deliver, rows, clock
):
    post(group_created())
    clock.move(minutes=5)
    post(group_created())
    post(data=b"junk")
    write(refusal_record(), tally_record(refused=5))
    recorder.record_available()
    clock.move(minutes=60)
    deliver(group_destroyed())

    first, again = 1 << NOW.minute, 1 << NOW.minute + 5
    hour = to_hour(NOW)
    assert {(row.hour, row.sdk_app_id, row.word): row[3:] for row in rows(HourCount)} == {
        (hour, "", Refusal.SIGN_WRONG): (1, first),
        (hour, "", Refusal.APP_UNKNOWN): (5, first),
        (hour, APP, "received"): (3, first | again),
        (hour, APP, "accepted"): (1, first),
        (hour, APP, "delay_microseconds"): (300_000_000, first),
        (hour, APP, "duplicate"): (1, again),
        (hour, APP, "invalid"): (1, again),
        (hour + 1, APP, "received"): (1, again),
        (hour + 1, APP, "accepted"): (1, again),
    }


def test_hours_have_the_largest_delay_that_is_late(post, recorder, rows, clock):
    for minutes, seconds in ((1, 6), (2, 9.5), (3, 7), (4, 5)):
        clock.now = NOW + timedelta(minutes=minutes)
        post(group_created())
        clock.move(seconds=seconds)
        recorder.record_available()

    [late] = [row for row in rows(HourCount) if row.word == Measure.DELAY_MICROSECONDS]
    assert (late.value, late.minutes) == (9_500_000, 0b1110)


def test_refusals_are_counted_whether_stored_or_not(write, recorder, counted):
    write(refusal_record(), refusal_record(app=APP), tally_record(refused=5))

    recorder.record_available()

    assert counted(Measure.REFUSED) == {
        ("", Refusal.SIGN_WRONG): 1,
        (APP, Refusal.SIGN_WRONG): 1,
        ("", Refusal.APP_UNKNOWN): 5,
    }


def test_lost_callbacks_are_told_with_their_time(write, recorder, rows, counted):
    write(tally_record(9, lost=[callback_record(n) for n in (3, 1, 2)]))

    recorder.record_available()

    assert counted(Measure.LOST) == {(APP, ""): 3}
    (event,) = rows(ServiceEvent)
    assert (event.kind, event.process) == ("callbacks_lost", "host:1")
    assert event.details == {
        "count": 3,
        "first_at": (NOW + timedelta(seconds=1)).isoformat(),
        "last_at": (NOW + timedelta(seconds=3)).isoformat(),
    }
    assert rows(LostCallback) == []


@pytest.mark.parametrize("order", ["lost first", "found first", "at once"])
def test_lost_callback_that_is_found_is_taken_off(write, recorder, rows, counted, order):
    write(callback_record(0))  # after which no losses are known
    recorder.record_available()
    found, gone = callback_record(1), callback_record(2)
    tally = tally_record(3, doubtful=[found, gone])
    for record in [tally, found] if order == "lost first" else [found, tally]:
        write(record)
        if order != "at once":
            recorder.record_available()
    recorder.record_available()
    recorder.record_available()

    assert counted(Measure.LOST) == {(APP, ""): 1}
    assert [row.uuid for row in rows(LostCallback)] == [gone.uuid]
    assert counted(Measure.RECEIVED) == {(APP, "Group.Any"): 2}


def test_starts_and_stops_are_stored_once_each(write, recorder, rows):
    started, stopped = (
        Record(kind, new_uuid(NOW), NOW, {"process": "host:1"})
        for kind in (Kind.STARTED, Kind.STOPPED)
    )
    write(started, stopped)
    write(started)

    recorder.record_available()

    assert sorted(row.kind for row in rows(ServiceEvent)) == [
        "receiver_started",
        "receiver_stopped",
    ]


def test_tally_that_two_folders_have_is_counted_once(write, recorder, counted):
    """As when a flush came late, and another folder took the same records."""
    tally = tally_record(refused=5)
    write(tally)
    write(tally)

    recorder.record_available()

    assert counted(Measure.REFUSED) == {("", Refusal.APP_UNKNOWN): 5}


def test_old_minutes_become_hours(recorder, rows, clock):
    hour = (NOW - MINUTES_KEPT - timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    values = {1: 10, 59: 5, 60: 7}
    with recorder.database.begin() as connection:
        for measure in (Measure.RECEIVED, Measure.DELAY_MICROSECONDS):
            for minute, value in values.items():
                row = {
                    "minute": hour + timedelta(minutes=minute),
                    "measure": measure,
                    "sdk_app_id": APP,
                    "name": "",
                    "verdict": "",
                    "value": value,
                }
                connection.execute(sa.insert(MinuteCount), row)
        lately = row | {"minute": NOW - MINUTES_KEPT + timedelta(hours=1, minutes=1)}
        connection.execute(sa.insert(MinuteCount), lately)

    for _ in range(2):
        fold_old_minutes(recorder.database, now=NOW)

        later = hour + timedelta(hours=1)
        assert {(row.minute, row.measure, row.value) for row in rows(MinuteCount)} == {
            (hour, "received", 15),
            (later, "received", 7),
            (hour, "delay_microseconds", 10),
            (later, "delay_microseconds", 7),
            (lately["minute"], "delay_microseconds", 7),
        }


def test_differences_are_counted_with_their_newest_sample(deliver, rows, clock):
    deliver(group_destroyed(Reason="spam"))
    clock.move(seconds=5)
    deliver(group_destroyed(Reason="fun"))
    deliver({"CallbackCommand": "Group.Any", "Reason": "x"})

    found = {(row.field, row.seen): row for row in rows(Difference)}
    assert set(found) == {("Reason", "string")}
    reason = found["Reason", "string"]
    assert (reason.count, reason.sample_delivery_id) == (2, 2)
    assert (reason.first_seen, reason.last_seen) == (NOW, NOW + timedelta(seconds=5))


def test_differences_of_a_command_are_limited(deliver, rows):
    for start in (0, 150, 300):
        odd = {f"Field{n}": 1 for n in range(start, start + 150)}
        deliver(data=json.dumps(group_destroyed() | odd | {"x" * 300: 1}).encode())

    assert len(rows(Difference)) == MAX_DIFFERENCES


def test_callback_that_is_imported_did_not_arrive_but_shows_differences(recorder, rows):
    record = callback_record(body=json.dumps(group_created(New=1)).encode())
    head = {**record.head, "imported_at": NOW}
    recorder.store(Batch([replace(record, head=head)]))

    assert [row.imported_at for row in rows(Delivery)] == [NOW]
    assert rows(MinuteCount) == rows(HourCount) == []
    assert ("New", "integer", 1) in [(row.field, row.seen, row.count) for row in rows(Difference)]
