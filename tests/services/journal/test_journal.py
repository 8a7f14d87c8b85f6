"""Appending: a record is durable once it returns, in whichever folder takes it."""

import os
from threading import Event, Thread

import pytest

from models.file_lock import try_to_lock
from services.journal import segment as segments
from services.journal.folder import FILE_MODE, list_waiting
from services.journal.journal import Journal, NotDurableError
from services.journal.segment import Segment
from tests.services.journal.conftest import make_record, read_back, wait_until


def retire(journal):
    """Seal the segments of all folders, and wait until that is done."""
    for folder in journal.folders:
        folder.thread.submit(folder.retire).result()


def test_record_is_in_the_file_once_append_returns(open_journal, tmp_path):
    record = make_record()

    open_journal(tmp_path / "a" / "b").append(record)

    assert read_back(tmp_path / "a" / "b") == [record]
    (file,) = list_waiting(tmp_path / "a" / "b")
    assert file.path.stat().st_mode & 0o777 == FILE_MODE
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o750


def test_segment_is_locked_by_its_writer_until_it_is_sealed(open_journal, tmp_path):
    journal = open_journal(tmp_path)
    journal.append(make_record())
    (file,) = list_waiting(tmp_path)
    with file.path.open() as other:
        assert not try_to_lock(other.fileno())

        journal.close()

        assert try_to_lock(other.fileno())
    (file,) = list_waiting(tmp_path)
    assert file.path.name.endswith(".1.sealed")


class Flushes:
    """Flushes that take as long as a test wants, and are counted."""

    def __init__(self, monkeypatch):
        self.begun, self.go_on = Event(), Event()
        self.fault, self.count = None, 0
        self.fdatasync = os.fdatasync
        monkeypatch.setattr(os, "fdatasync", self)

    def __call__(self, descriptor):
        self.count += 1
        self.begun.set()
        assert self.go_on.wait(10)
        if self.fault:
            raise self.fault
        self.fdatasync(descriptor)


@pytest.fixture
def flushes(monkeypatch):
    flushes = Flushes(monkeypatch)
    yield flushes
    flushes.go_on.set()


def start(function, *arguments):
    thread = Thread(target=function, args=arguments)
    thread.start()
    return thread


def test_all_that_wait_share_one_flush(open_journal, tmp_path, flushes):
    journal = open_journal(tmp_path)
    records, go = [make_record() for _ in range(51)], Event()

    def append_later(record):
        go.wait(10)
        journal.append(record)

    others = [start(append_later, record) for record in records[1:]]
    first = start(journal.append, records[0])
    assert flushes.begun.wait(10)
    go.set()
    wait_until(lambda: len(journal.gathering.records) == 50)
    flushes.go_on.set()
    for thread in (first, *others):
        thread.join()

    assert flushes.count == 2
    assert {record.uuid for record in read_back(tmp_path)} == {record.uuid for record in records}


def test_what_gathers_while_the_journal_is_closed_is_written(tmp_path, flushes):
    journal = Journal([tmp_path])
    first = start(journal.append, make_record())
    assert flushes.begun.wait(10)
    second = start(journal.append, make_record())
    wait_until(lambda: journal.gathering.records)
    closing = start(journal.close)
    wait_until(lambda: journal.is_closed)
    flushes.go_on.set()
    for thread in (first, second, closing):
        thread.join(10)
        assert not thread.is_alive()

    assert len(read_back(tmp_path)) == 2


def test_nothing_is_appended_once_the_journal_is_closed(tmp_path):
    journal = Journal([tmp_path])
    journal.close()

    with pytest.raises(NotDurableError, match="closed"):
        journal.append(make_record())


def test_next_folder_takes_over_when_one_refuses(open_journal, tmp_path, caplog):
    (tmp_path / "first").touch()
    journal = open_journal(tmp_path / "first", tmp_path / "second")
    records = [make_record(), make_record()]

    for record in records:
        journal.append(record)

    assert read_back(tmp_path / "second") == records
    assert not journal.is_refusing
    assert [line.split(" ")[2] for line in caplog.messages] == ["refuses:"]


def test_nothing_is_acknowledged_that_no_folder_takes(open_journal, tmp_path):
    (tmp_path / "first").touch()
    (tmp_path / "second").touch()
    journal = open_journal(tmp_path / "first", tmp_path / "second")

    with pytest.raises(NotDurableError, match=r"first: .*; .*second: ") as error:
        journal.append(make_record())

    assert not error.value.is_doubtful
    assert journal.is_refusing


def test_folder_that_takes_records_again_is_used_again(open_journal, tmp_path):
    (tmp_path / "first").touch()
    journal = open_journal(tmp_path / "first", tmp_path / "second")
    journal.append(make_record())
    (tmp_path / "first").unlink()
    journal.append(make_record())
    assert len(read_back(tmp_path / "second")) == 2

    journal.folders[0].refused_at -= 1  # a moment later
    journal.append(record := make_record())

    assert read_back(tmp_path / "first") == [record]


def test_flush_that_fails_leaves_its_segment_behind(open_journal, tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    journal = open_journal(first, second)
    journal.append(before := make_record())
    faults = [OSError(5, "Input/output error")]
    fdatasync = os.fdatasync

    def fail_once(descriptor):
        if faults:
            raise faults.pop()
        fdatasync(descriptor)

    monkeypatch.setattr(os, "fdatasync", fail_once)
    journal.append(doubtful := make_record())
    journal.folders[0].refused_at -= 1
    journal.append(after := make_record())

    left, new = list_waiting(first)
    assert left.path.name.endswith(".2.sealed")
    assert new.path.name.endswith(".open")
    assert read_back(first) == [before, doubtful, after]
    assert read_back(second) == [doubtful]


def test_fault_of_any_kind_is_an_answer(open_journal, tmp_path, monkeypatch):
    journal = open_journal(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda: None)  # a TypeError, as it takes no argument
        with pytest.raises(NotDurableError, match="argument"):
            journal.append(make_record())

    journal.append(make_record())

    assert len(read_back(tmp_path)) == 1


def test_disk_that_hangs_is_one_that_refuses(open_journal, tmp_path, flushes):
    first, second = tmp_path / "first", tmp_path / "second"
    journal = open_journal(first, second)
    writing = start(journal.append, hanging := make_record())
    assert flushes.begun.wait(10)
    wait_until(lambda: list_waiting(second))
    flushes.go_on.set()
    writing.join()
    wait_until(journal.folders[0].job.done)
    journal.folders[0].refused_at -= 1
    journal.append(after := make_record())

    assert read_back(second) == [hanging]
    left, _ = list_waiting(first)
    assert left.path.name.endswith(".1.sealed")
    assert read_back(first) == [hanging, after]


def test_only_disk_that_hangs_leaves_doubt(open_journal, tmp_path, flushes):
    journal = open_journal(tmp_path)

    with pytest.raises(NotDurableError, match="not flushed after") as error:
        journal.append(make_record())
    assert error.value.is_doubtful
    with pytest.raises(NotDurableError) as error:
        journal.append(make_record())
    assert not error.value.is_doubtful
    journal.folders[0].refused_at -= 1
    with pytest.raises(NotDurableError, match="hangs") as error:
        journal.append(make_record())
    assert not error.value.is_doubtful


def test_removed_file_gets_no_record(open_journal, tmp_path):
    journal = open_journal(tmp_path)
    journal.append(make_record())
    (file,) = list_waiting(tmp_path)
    file.path.unlink()

    journal.append(record := make_record())

    assert read_back(tmp_path) == [record]


def test_removed_folder_is_made_again(open_journal, tmp_path):
    journal = open_journal(tmp_path / "journal")
    journal.append(make_record())
    for path in sorted((tmp_path / "journal").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (tmp_path / "journal").rmdir()

    journal.append(record := make_record())

    assert read_back(tmp_path / "journal") == [record]


def test_names_tell_how_many_records_there_are(open_journal, tmp_path):
    journal = open_journal(tmp_path)
    for _ in range(3):
        journal.append(make_record())
    assert [file.records for file in list_waiting(tmp_path)] == [0]

    journal.tend()
    journal.append(make_record())
    assert [file.records for file in list_waiting(tmp_path)] == [3]

    retire(journal)
    assert [file.records for file in list_waiting(tmp_path)] == [4]


def test_large_segment_is_sealed(open_journal, tmp_path):
    journal = open_journal(tmp_path)
    for _ in range(3):
        journal.append(make_record(bytes(segments.MAX_SEGMENT_BYTES // 2)))
    journal.append(make_record())

    suffixes = [file.path.name.split(".", 1)[1] for file in list_waiting(tmp_path)]
    assert suffixes == ["2.sealed", "0.open"]


def test_old_segment_is_sealed_if_it_has_records(open_journal, tmp_path):
    journal = open_journal(tmp_path)
    journal.append(make_record())
    folder = journal.folders[0]
    folder.segment.begun -= segments.MAX_SEGMENT_SECONDS + 1

    journal.tend()
    retire(journal)

    (file,) = list_waiting(tmp_path)
    assert file.path.name.endswith(".1.sealed")


def test_segment_without_records_leaves_no_file(tmp_path):
    segment = Segment(tmp_path)
    segment.seal()

    assert list_waiting(tmp_path) == []
