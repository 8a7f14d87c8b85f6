"""The main loop of a recorder process."""

import logging
from threading import Event, Thread

import pytest

from models.tables import Delivery, ServiceEvent
from services.journal.folder import list_kept, list_stuck
from services.journal.journal import Journal
from services.journal.status import read_status
from services.recording.loop import RETRY_SECONDS, Loop
from tests.payloads import group_destroyed
from tests.services.journal.conftest import wait_until
from tests.services.recording.conftest import bad_group, callback_record


@pytest.fixture
def running(recorder):
    """A loop at work in a thread; the event ends it."""
    stop = Event()
    thread = Thread(target=Loop(recorder).run, args=[stop])
    thread.start()
    yield stop, thread
    stop.set()
    thread.join(10)


def wait_for(condition, thread):
    wait_until(lambda: condition() or not thread.is_alive())
    assert thread.is_alive()


def test_loop_records_what_comes_and_tells_that_it_is_at_work(
    running, rows, journal, clock, recorder
):
    stop, thread = running
    writer = Journal(journal.folders)
    for number in range(3):
        writer.append(callback_record(number))
        wait_for(lambda number=number: len(rows(Delivery)) == number + 1, thread)
    writer.close()
    wait_for(lambda: list_kept(journal.folders[0]), thread)
    stop.set()
    thread.join(10)

    assert not thread.is_alive()
    kinds = sorted(row.kind for row in rows(ServiceEvent))
    assert kinds == ["recorder_started", "recorder_stopped"]
    status = read_status(journal.folders)
    assert status.is_recorder_at_work(clock())
    assert status.waiting == 0


def test_loop_ends_although_records_keep_coming(running, journal, monkeypatch):
    monkeypatch.setattr("services.journal.journal.FLUSH_SECONDS", 60)
    stop, thread = running
    writer, ended = Journal(journal.folders), Event()

    def append():
        while not ended.is_set():
            writer.append(callback_record())

    appending = [Thread(target=append) for _ in range(4)]
    for one in appending:
        one.start()
    wait_for(lambda: read_status(journal.folders), thread)
    stop.set()
    thread.join(10)
    was_alive = thread.is_alive()
    ended.set()
    for one in appending:
        one.join()
    writer.close()

    assert not was_alive


def test_fault_of_the_database_is_logged_once_and_waited_out(
    recorder, write, rows, administer, caplog, journal
):
    caplog.set_level(logging.INFO)
    loop = Loop(recorder)
    write(callback_record())
    administer("ALTER TABLE deliveries RENAME TO elsewhere")
    for _ in range(3):
        assert loop.work() == RETRY_SECONDS
    assert read_status(journal.folders).waiting == 1
    administer("ALTER TABLE elsewhere RENAME TO deliveries")

    assert loop.work() < RETRY_SECONDS

    told = [message for message in caplog.messages if "records are waiting" in message]
    assert len(told) == 2
    assert told[0].startswith("records are waiting: ")
    assert told[1] == "over: records are waiting"
    assert len(rows(Delivery)) == 1


def test_lock_that_others_keep_is_no_alarm(recorder, post, rows, holding, caplog, journal):
    caplog.set_level(logging.INFO)
    loop = Loop(recorder)
    post(group_destroyed())

    assert loop.work() == RETRY_SECONDS
    with loop.apart("something can wait"):
        recorder.database.rehearse()
    holding.invalidate()
    assert loop.work() < RETRY_SECONDS

    assert [record for record in caplog.records if record.levelname != "INFO"] == []
    assert caplog.messages[-1] == "over: records are waiting"
    assert list_stuck(journal.folders[0]) == []
    assert len(rows(Delivery)) == 1


def test_what_is_set_aside_is_tried_again_in_time(recorder, post, rows, refuse_bad_group, journal):
    loop = Loop(recorder)
    post(bad_group())
    loop.work()
    loop.work()
    assert read_status(journal.folders).stuck == 1
    refuse_bad_group()

    for chore, (seconds, done_at) in loop.chores.items():
        loop.chores[chore] = (seconds, done_at - seconds)
    loop.work()

    assert len(rows(Delivery)) == 1
