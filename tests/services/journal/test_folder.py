"""The files of a journal folder."""

import os
from datetime import timedelta

import pytest

from models.clock import utc_now
from services.journal.folder import (
    drop_drafts,
    drop_kept,
    find_fault,
    list_kept,
    list_stuck,
    list_waiting,
    make_folder,
    may_write,
    new_segment_name,
    room_bytes,
    write_file,
)


def test_segments_are_listed_by_time_and_other_files_are_not(tmp_path):
    names = [new_segment_name() for _ in range(3)]
    for name, rest in zip(reversed(names), ("7.open", "12.sealed", "0.open"), strict=True):
        (tmp_path / f"{name}.{rest}").touch()
    for other in ("status.json", ".draft.1.open-ab12", "x.stuck", "a.b.c.open", "x.y.sealed"):
        (tmp_path / other).touch()

    found = list_waiting(tmp_path)

    assert [(file.segment, file.records) for file in found] == list(
        zip(names, (0, 12, 7), strict=True)
    )


def test_name_of_a_segment_tells_when_it_was_begun(tmp_path):
    before = utc_now()
    (tmp_path / f"{new_segment_name()}.0.open").touch()

    (file,) = list_waiting(tmp_path)

    assert before - timedelta(microseconds=1) <= file.begun_at <= utc_now()


def test_folder_that_is_not_there_has_no_files(tmp_path):
    missing = tmp_path / "missing"

    assert list_waiting(missing) == list_kept(missing) == list_stuck(missing) == []
    assert drop_kept(missing, keep_bytes=0, begun_before=utc_now()) == []


def test_folder_that_is_not_there_has_the_room_and_the_rights_of_where_it_can_be_made(tmp_path):
    (tmp_path / "file").touch()

    assert room_bytes(tmp_path / "some" / "folder") > 0
    assert may_write(tmp_path / "some" / "folder")
    assert not may_write(tmp_path / "file" / "folder")


def test_file_is_written_whole_for_its_owner_alone(tmp_path):
    write_file(tmp_path / "file", b"old")
    write_file(tmp_path / "file", b"new")

    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600


def test_probe_leaves_nothing_behind(tmp_path):
    assert find_fault(tmp_path / "journal") is None

    assert [path.name for path in (tmp_path / "journal").iterdir()] == ["kept"]


def test_drafts_of_processes_that_were_killed_go_after_an_hour(tmp_path):
    segment = f".{new_segment_name()}"
    drafts = [segment, ".status.json-0a1b2c3d", "probe-17"]
    others = [".nfs0000a1", ".gitignore", "recorder.lock", f"{new_segment_name()}.1.open"]
    for name in (*drafts, *others):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / ".status.json-ffffffff").touch()

    drop_drafts(tmp_path)

    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*others, ".status.json-ffffffff"}


def test_probe_tells_what_is_wrong(tmp_path):
    (tmp_path / "journal").touch()

    assert isinstance(find_fault(tmp_path / "journal"), FileExistsError)


@pytest.mark.parametrize(("keep_bytes", "left"), [(0, 0), (99, 0), (100, 1), (250, 2), (300, 3)])
def test_oldest_kept_segments_are_dropped_beyond_a_size(tmp_path, keep_bytes, left):
    make_folder(tmp_path)
    names = sorted(new_segment_name() for _ in range(3))
    for name in names:
        (tmp_path / "kept" / f"{name}.1.sealed").write_bytes(bytes(100))

    dropped = drop_kept(tmp_path, keep_bytes=keep_bytes, begun_before=utc_now() - timedelta(1))

    assert [file.segment for file in dropped] == names[: 3 - left]
    assert [file.segment for file in list_kept(tmp_path)] == names[3 - left :]
