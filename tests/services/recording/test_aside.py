"""Records that cannot be recorded, in files of their own."""

import pytest

from services.journal.records import write_record
from services.recording.aside import read_stuck, save_damaged, set_aside
from services.recording.intake import Intake
from tests.services.recording.conftest import callback_record


@pytest.fixture
def folders(tmp_path):
    folders = (tmp_path / "first", tmp_path / "second")
    for folder in folders:
        folder.mkdir()
    return folders


def test_record_is_set_aside_where_a_folder_takes_it(folders):
    record = callback_record()
    (folders[0] / f"{record.uuid.hex}.stuck").mkdir()  # in the way

    set_aside(folders, record)

    assert [*read_stuck(folders)] == [(folders[1] / f"{record.uuid.hex}.stuck", record)]


def test_record_that_no_folder_takes_is_a_fault(folders):
    record = callback_record()
    for folder in folders:
        (folder / f"{record.uuid.hex}.stuck").mkdir()

    with pytest.raises(OSError, match="directory"):
        set_aside(folders, record)


def test_damaged_bytes_are_saved_once_where_a_folder_takes_them(folders):
    (folders[0] / "0000000000000001-a.1.sealed").write_bytes(b"no record")
    (folders[0] / "0000000000000001-a.0.damaged").mkdir()  # in the way
    intake = Intake(folders)
    intake.open_all({})
    (entry,) = intake.take()

    for _ in range(2):
        save_damaged(folders, entry)

    assert (folders[1] / "0000000000000001-a.0.damaged").read_bytes() == b"no record"
    intake.close()


def test_segment_that_cannot_be_read_holds_up_no_other_and_is_named_once(folders, caplog):
    unreadable = folders[0] / "0000000000000001-a.1.sealed"
    unreadable.symlink_to(unreadable)
    record = callback_record()
    (folders[1] / "0000000000000002-b.1.sealed").write_bytes(write_record(record))
    intake = Intake(folders)

    for _ in range(2):
        intake.open_new()

    (entry,) = intake.take()
    assert entry.record == record
    assert caplog.text.count("can't be read") == 1
    intake.close()
