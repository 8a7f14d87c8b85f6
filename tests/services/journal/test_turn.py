"""One process per host records a journal."""

import os

import pytest

from services.journal.turn import LOCK, is_recorder_running, take_turn


def test_turn_is_that_of_one(tmp_path):
    folders = [tmp_path / "journal"]
    assert not is_recorder_running(folders)

    turn = take_turn(folders)

    assert take_turn(folders) is None
    assert is_recorder_running(folders)
    os.close(turn)
    assert not is_recorder_running(folders)


def test_folder_that_cannot_be_written_to_is_left_out(tmp_path):
    (tmp_path / "first").touch()
    folders = [tmp_path / "first", tmp_path / "second"]

    turn = take_turn(folders)

    assert (tmp_path / "second" / LOCK).exists()
    os.close(turn)


def test_journal_that_no_folder_can_hold_is_a_fault(tmp_path):
    (tmp_path / "first").touch()

    with pytest.raises(FileExistsError):
        take_turn([tmp_path / "first"])
    assert not is_recorder_running([tmp_path / "first"])
