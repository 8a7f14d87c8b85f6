"""Recorded segments are kept within the limits of age and size."""

from dataclasses import replace
from datetime import timedelta

import pytest

from models.clock import utc_now
from models.tables import JournalMark
from models.vocabulary import Measure
from services.journal.folder import list_kept, make_folder
from services.recording.loop import drop_old_segments
from tests.conftest import APP
from tests.faults.rig.disks import small_disk
from tests.services.recording.conftest import callback_record


@pytest.fixture
def kept(write, recorder, journal):
    """Three recorded segments of about the same size."""
    for number in range(3):
        write(callback_record(number))
        recorder.record_available()
    return [file.segment for file in list_kept(journal.folders[0])]


def left(rows, journal):
    segments = [file.segment for file in list_kept(journal.folders[0])]
    assert sorted(row.segment for row in rows(JournalMark)) == segments
    return segments


def test_all_are_kept_within_the_limits(kept, recorder, journal, rows):
    drop_old_segments(recorder.database, journal, now=utc_now())

    assert left(rows, journal) == kept


def test_those_that_are_old_go_with_their_marks(kept, recorder, journal, rows):
    later = utc_now() + journal.keep + timedelta(seconds=1)

    drop_old_segments(recorder.database, journal, now=later)

    assert left(rows, journal) == []


def test_the_oldest_go_where_they_are_too_many(kept, recorder, journal, rows):
    sizes = [file.path.stat().st_size for file in list_kept(journal.folders[0])]
    settings = replace(journal, keep_bytes=sum(sizes[1:]))

    drop_old_segments(recorder.database, settings, now=utc_now())

    assert left(rows, journal) == kept[1:]


def test_none_is_kept_where_zero_hours_are_set(kept, recorder, journal, rows):
    drop_old_segments(recorder.database, replace(journal, keep=timedelta(0)), now=utc_now())

    assert left(rows, journal) == []


@pytest.fixture
def little_room(journal):
    """Put the journal on a disk with less room than should be left."""
    make_folder(journal.folders[0])
    with small_disk(journal.folders[0], megabytes=1):
        yield


def test_those_that_make_room_go_with_their_marks(little_room, kept, recorder, journal, rows):
    drop_old_segments(recorder.database, journal, now=utc_now())

    assert left(rows, journal) == kept[2:]


def test_segment_that_is_not_all_recorded_stays(write, recorder, journal, rows):
    write(callback_record())
    later = utc_now() + journal.keep * 10

    drop_old_segments(recorder.database, journal, now=later)
    recorder.record_available()

    assert len(left(rows, journal)) == 1


def test_recording_goes_on_where_a_mark_was_forgotten(kept, write, recorder, journal, counted):
    drop_old_segments(recorder.database, replace(journal, keep=timedelta(0)), now=utc_now())
    write(callback_record(9))

    recorder.record_available()

    assert counted(Measure.RECEIVED) == {(APP, "Group.Any"): 4}
