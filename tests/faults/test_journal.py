"""Acknowledged callbacks are stored, once, whatever happens to the disk of the journal."""

import shutil
import time
from contextlib import ExitStack, nullcontext
from itertools import cycle

import pytest

from models.vocabulary import Measure
from tests.faults.forms import EVERY, by_form, each, on
from tests.faults.rig.disks import full, read_only, small_disk
from tests.faults.rig.interposer import ALWAYS, action_of
from tests.faults.trial import wait_until

SMALL_MEGABYTES = 4
HANGS_SECONDS = by_form(6, 2)  # a folder is waited for half a second
NOT_STORED = "503 50301"


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own."""
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", SMALL_MEGABYTES) as disk:
        yield disk


def assert_told(trial):
    """Check that refused callbacks are counted, and reported as a service event."""
    refused = trial.refused[NOT_STORED]
    assert refused
    assert set(trial.refused) == {NOT_STORED}
    assert trial.counts[Measure.LOST] == refused
    assert trial.told_losses == refused


@on(*EVERY, short=["sqlite"])
def test_disk_of_the_journal_is_full(begin, server, disk):
    with begin(server, journal=[disk / "journal"]) as trial, trial.load():
        trial.outage(full(disk))

    assert trial.is_well
    assert_told(trial)


@on("sqlite", short=[], fixture="small_server")
def test_disk_of_journal_and_database_is_full(begin, small_server):
    with begin(small_server, journal=[small_server.folder / "journal"]) as trial, trial.load():
        trial.outage(small_server.disk_full())

    assert trial.is_well
    assert_told(trial)


@on(*EVERY, short=[])
def test_one_of_two_folders_is_full(begin, server, disk, tmp_path):
    with begin(server, journal=[disk / "journal", tmp_path / "other"]) as trial, trial.load():
        trial.outage(full(disk))

    assert trial.refused == {}
    assert holds_segments(tmp_path / "other")


@on(*EVERY, short=["postgresql"])
def test_one_of_two_folders_is_read_only(begin, server, disk, tmp_path):
    with ExitStack() as fault:
        fault.enter_context(read_only(disk))
        with begin(server, journal=[disk / "journal", tmp_path / "other"]) as trial, trial.load():
            trial.outage(nullcontext())
            fault.close()
            wait_until(lambda: [*(disk / "journal").rglob("*.open")])

    assert trial.refused == {}
    assert holds_segments(tmp_path / "other")
    assert holds_segments(disk / "journal")


def holds_segments(folder):
    """Tell whether records went into a folder."""
    return any(file.stat().st_size for file in folder.rglob("*.sealed"))


@on(*EVERY, short=["sqlite"])
def test_flush_takes_300_ms(begin, server):
    one_worker = {"WEB_CONCURRENCY": "1"}  # there is no other folder to take what it refuses
    with begin(server, interposed=True, settings=one_worker) as trial, trial.load():
        receiver, _ = trial.interposers
        with receiver.striking("fsync", trial.service.folders[0], seconds=0.3, times=ALWAYS):
            trial.outage(nullcontext())
            trial.service.kill_a_worker()  # the next one begins a segment
            trial.outage(nullcontext(), seconds=by_form(1.5, 15))
        trial.strikes = receiver.fired

    assert trial.only_cut_off  # of the worker that was killed
    assert trial.strikes > 1


@on(*EVERY, short=["sqlite"])
def test_one_of_two_folders_hangs(begin, server, tmp_path):
    journal = [tmp_path / "hangs", tmp_path / "other"]
    with begin(server, journal=journal, interposed=True) as trial, trial.load():
        receiver, _ = trial.interposers
        hanging = receiver.striking("fsync", journal[0], seconds=HANGS_SECONDS, times=ALWAYS)
        trial.outage(hanging, seconds=by_form(2, 15))
        trial.strikes = receiver.fired

    assert trial.refused == {}
    assert trial.strikes
    assert trial.longest_answer < HANGS_SECONDS


@on(*each(EVERY, ("files", "folder")), short=[("sqlite", "folder")])
def test_journal_is_removed(begin, server, how):
    with begin(server) as trial, trial.load():
        journal = trial.service.folders[0]
        trial.wait_until_recording()  # it can read open files to the end
        trial.strikes = 1
        for file in journal.glob("*.open"):
            file.unlink(missing_ok=True)
        if how == "folder":
            shutil.rmtree(journal, ignore_errors=True)
        time.sleep(1)

    assert trial.refused == {}


CALLS = {
    "receiver": ("open", "write", "fsync", "rename"),
    "recorder": ("open", "read", "rename", "unlink"),
    "database": ("open", "write", "fsync"),  # by the recorder, on SQLite's files
}
WAYS = ("kill", "fails")


@on(
    *each(EVERY, ("receiver", "recorder")),
    ("sqlite", "database"),
    short=each(["sqlite"], ["receiver", "recorder", "database"]),
)
def test_system_call(begin, server, how):
    """Each system call on the path of a record fails, or kills its process."""
    # Not kept, so that recorded segments are unlinked too.
    settings = {"JOURNAL_KEEP_HOURS": "0"}
    with begin(server, interposed=True, settings=settings) as trial, trial.load():
        for call, way in by_form(zip(CALLS[how], cycle(WAYS)), each(CALLS[how], WAYS) * 5):
            strike(trial, how, call, way)
            trial.wait_until_drained()
            trial.wait_until_acknowledged()

    assert {outcome for outcome in trial.refused if outcome[0].isdigit()} <= {NOT_STORED}
    assert trial.strikes >= len(CALLS[how])


def strike(trial, where, call, way):
    """Make a call fail, make sure that it happens, and restart what was killed."""
    service, interposer = trial.service, trial.interposers[where != "receiver"]
    folder = trial.database_url.database if where == "database" else service.folders[0]
    times = 3 if (where, way) == ("receiver", "fails") else 1
    is_made_at_start = (where, call) in {("recorder", "unlink"), ("database", "open")}
    if is_made_at_start:
        service.kill_recorder()
    fired = interposer.fired
    with interposer.striking(call, folder, action=action_of(way, call), times=times):
        service.kill_a_worker()  # its segment is finished, and another one is begun
        if is_made_at_start:
            service.start_recorder()
        struck = wait_until(lambda: interposer.fired > fired)
    trial.strikes += 1
    assert struck, f"{where} made no call of {call}"
    if where != "receiver" and way == "kill":
        service.recorder.wait()
        service.start_recorder()
