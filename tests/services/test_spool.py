"""The spool on disk: what was acknowledged is read again, whatever happens to the rest."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import Arrival
from services.callback import to_callback
from services.records import measure_records, read_records, to_record
from services.spool import SEGMENT, STUCK, Spool

AT = datetime(2026, 11, 21, 7, 0, 0, 123456, tzinfo=UTC)
TEXT = st.text(st.characters(max_codepoint=255), max_size=50)


def make_callback(body=b"{}", seconds=0, query_string="SdkAppid=1", peer="127.0.0.1"):
    return to_callback(Arrival(AT + timedelta(seconds=seconds), peer, query_string), "1", body)


def kept(callback):
    return callback.uuid, callback.arrival, callback.sdk_app_id, callback.body


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path / "var" / "spool")
    yield spool
    spool.close()


def read_all(spool):
    found = []
    for path in spool.list_segments(SEGMENT):
        with spool.take(path) as segment:
            found += segment.callbacks
    return found


@given(st.binary(max_size=200), TEXT, TEXT)
def test_callback_is_read_as_it_was_written(body, query_string, peer):
    callback = make_callback(body, query_string=query_string, peer=peer)

    (again,), rest = read_records(to_record(callback))

    assert kept(again) == kept(callback)
    assert (again.reading, again.envelope) == (callback.reading, callback.envelope)
    assert (again.event_key, again.in_doubt, rest) == (callback.event_key, True, b"")


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=4), st.data())
def test_append_that_was_cut_off_loses_nothing_before_it(bodies, data):
    records = [to_record(make_callback(body)) for body in bodies]
    cut = data.draw(st.integers(0, len(records[-1]) - 1))

    callbacks, rest = read_records(b"".join(records[:-1]) + records[-1][:cut])

    assert [callback.body for callback in callbacks] == bodies[:-1]
    assert rest == records[-1][:cut]


@given(st.binary(max_size=50), st.data())
def test_altered_byte_is_noticed(body, data):
    record = bytearray(to_record(make_callback(body)))
    place = data.draw(st.integers(0, len(record) - 1))
    record[place] ^= data.draw(st.integers(1, 255))

    callbacks, rest = read_records(bytes(record))

    assert (callbacks, rest) == ([], bytes(record))


def test_zeros_behind_the_last_record_are_no_callback():
    record = to_record(make_callback())

    callbacks, rest = read_records(record + bytes(4096))

    assert (len(callbacks), len(rest)) == (1, 4096)


def test_record_of_another_release_is_left_as_it_is():
    callbacks, rest = read_records(b"CLL2" + to_record(make_callback())[4:])

    assert (callbacks, len(rest) > 100) == ([], True)


def test_process_appends_to_one_file_for_its_owner_alone(spool):
    for number in range(3):
        spool.append(make_callback(b"%d" % number))

    (path,) = spool.list_segments(SEGMENT)
    assert path.stat().st_mode & 0o777 == 0o600
    assert spool.folder.stat().st_mode & 0o777 == 0o700
    assert [callback.body for callback in read_all(spool)] == [b"0", b"1", b"2"]


def test_many_threads_append_whole_records(spool):
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: spool.append(make_callback(b"%d" % number)), range(200)))

    assert sorted(int(callback.body) for callback in read_all(spool)) == list(range(200))


def test_large_segment_is_followed_by_another(spool):
    for _ in range(3):
        spool.append(make_callback(b"x" * 600_000))

    assert len(spool.list_segments(SEGMENT)) == 2
    assert len(read_all(spool)) == 3


def test_segment_that_is_drained_is_not_appended_to(spool):
    spool.append(make_callback(b"1"))
    (path,) = spool.list_segments(SEGMENT)

    with spool.take(path) as segment:
        spool.append(make_callback(b"2"))
        segment.remove()

    assert [callback.body for callback in read_all(spool)] == [b"2"]


def test_segment_that_somebody_deleted_is_not_appended_to(spool):
    spool.append(make_callback(b"1"))
    for path in spool.folder.iterdir():
        path.unlink()
    spool.folder.rmdir()

    spool.append(make_callback(b"2"))

    assert [callback.body for callback in read_all(spool)] == [b"2"]


def test_segment_with_unreadable_bytes_is_kept_for_a_person_to_look_at(spool):
    spool.append(make_callback(b"1"))
    (path,) = spool.list_segments(SEGMENT)
    with path.open("ab") as file:
        file.write(b"CLL1 and no more")

    with spool.take(path) as segment:
        segment.remove()

    assert [callback.body for callback in segment.callbacks] == [b"1"]
    assert [left.suffix for left in spool.folder.iterdir()] == [".torn"]


def test_full_disk_is_told_and_leaves_no_part_of_a_record(spool, monkeypatch):
    spool.append(make_callback(b"1"))
    really_write, calls = os.write, []

    def write_half(descriptor, data):
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return really_write(descriptor, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", write_half)
    with pytest.raises(OSError, match="No space left"):
        spool.append(make_callback(b"2"))
    monkeypatch.undo()
    spool.append(make_callback(b"3"))

    assert [callback.body for callback in read_all(spool)] == [b"1", b"3"]
    assert len(spool.list_segments(SEGMENT)) == 1


def test_file_that_could_not_be_flushed_is_not_trusted_again(spool, monkeypatch):
    spool.append(make_callback(b"1"))

    def fail(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        spool.append(make_callback(b"2"))
    monkeypatch.undo()
    spool.append(make_callback(b"3"))

    assert len(spool.list_segments(SEGMENT)) == 2


def test_file_and_folder_are_flushed_before_a_callback_is_acknowledged(spool, monkeypatch):
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda fd: flushed.append(os.readlink(f"/proc/self/fd/{fd}")))

    spool.append(make_callback())
    spool.append(make_callback())

    (path,) = spool.list_segments(SEGMENT)
    assert flushed == [str(spool.folder), str(path), str(path)]


def test_stuck_callbacks_are_kept_apart(spool):
    spool.set_aside([make_callback(b"1"), make_callback(b"2")])

    assert spool.list_segments(SEGMENT) == []
    (path,) = spool.list_segments(STUCK)
    with path.open("rb") as file:
        assert measure_records(file.fileno()) == (2, AT)


def test_writable_folder_is_told_from_one_that_is_not(spool, tmp_path):
    assert spool.is_writable()
    assert list(spool.folder.iterdir()) == []

    (tmp_path / "file").touch()
    assert not Spool(tmp_path / "file").is_writable()
