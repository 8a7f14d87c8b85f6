"""The status of a journal: what is waiting and the room left, without content."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from services.journal.folder import list_waiting
from services.journal.status import (
    FRESH,
    STATUS,
    JournalStatus,
    Progress,
    measure,
    read_status,
    write_status,
)
from tests.services.journal.conftest import NOW, make_record


def status_of(*folders, recorded=None):
    return measure(folders, recorded or {}, recorder_at=None, now=NOW)


def test_status_is_read_back_as_it_was_written(tmp_path):
    status = JournalStatus(
        at=NOW,
        waiting=3,
        stuck=1,
        oldest_received_at=NOW - timedelta(seconds=5),
        segment_bytes=10,
        kept_bytes=20,
        room_bytes=30,
        writable=True,
        recorder_at=NOW,
        recorded={"a": Progress(2, NOW), "b": Progress()},
    )

    write_status([tmp_path, tmp_path / "missing"], status)

    assert read_status([tmp_path / "missing", tmp_path]) == status
    assert (tmp_path / STATUS).stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == [STATUS]


def test_newest_status_of_several_folders_counts(tmp_path):
    for number, name in enumerate(("a", "b")):
        (tmp_path / name).mkdir()
        status = replace(JournalStatus(at=NOW), waiting=number, at=NOW + timedelta(seconds=number))
        write_status([tmp_path / name], status)

    assert read_status([tmp_path / "b", tmp_path / "a"]).waiting == 1


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", '{"at": 5}', '{"recorded": {}, "new": 1}']
)
def test_status_of_another_release_is_none(tmp_path, text):
    (tmp_path / STATUS).write_text(text)

    assert read_status([tmp_path]) is None


def test_what_waits_is_what_the_recorder_has_not_recorded(open_journal, tmp_path):
    journal = open_journal(tmp_path)
    for _ in range(5):
        journal.append(make_record(b"a secret"))
    journal.tend()
    journal.close()
    (file,) = list_waiting(tmp_path)
    assert (status_of(tmp_path).waiting, status_of(tmp_path).stuck) == (5, 0)
    assert status_of(tmp_path).oldest_received_at == file.begun_at

    recorded = {file.segment: Progress(3, NOW), "gone": Progress(9, NOW)}
    status = status_of(tmp_path, recorded=recorded)

    assert (status.waiting, status.oldest_received_at) == (2, NOW)
    assert status.segment_bytes == file.path.stat().st_size
    assert status.recorded == {file.segment: Progress(3, NOW)}
    assert status.writable
    assert status.room_bytes > 0
    all_recorded = status_of(tmp_path, recorded={file.segment: Progress(5, NOW)})
    assert (all_recorded.waiting, all_recorded.oldest_received_at) == (0, None)


def test_status_tells_nothing_of_any_callback(open_journal, tmp_path):
    open_journal(tmp_path).append(make_record(b"a secret"))

    write_status([tmp_path], status_of(tmp_path))

    text = (tmp_path / STATUS).read_text()
    assert "secret" not in text
    assert set(json.loads(text)) == set(JournalStatus.__dataclass_fields__)


def test_folder_that_cannot_be_made_is_not_writable(tmp_path):
    (tmp_path / "file").touch()

    assert status_of(tmp_path / "missing").writable
    assert not status_of(tmp_path / "file" / "missing").writable


def test_age_is_that_of_the_oldest_and_never_negative():
    status = JournalStatus(at=NOW, oldest_received_at=NOW)

    assert status.age_seconds(NOW + timedelta(seconds=3)) == 3
    assert status.age_seconds(NOW - timedelta(seconds=3)) == 0
    assert JournalStatus(at=NOW).age_seconds(NOW) == 0


@pytest.mark.parametrize(
    ("distance", "is_at_work"),
    [(timedelta(0), True), (FRESH, False), (-FRESH, False)],
    ids=["now", "long ago", "before the clock was set back"],
)
def test_recorder_is_at_work_if_it_said_so_lately(distance, is_at_work):
    status = JournalStatus(at=NOW, recorder_at=NOW)

    assert status.is_recorder_at_work(NOW + distance) is is_at_work
    assert not JournalStatus(at=NOW).is_recorder_at_work(NOW)
