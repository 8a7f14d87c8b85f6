"""A recorder beside a server that runs everything on one port."""

import os
from threading import Event

import pytest
import sqlalchemy as sa

from models.tables import Delivery
from services.journal.turn import is_recorder_running, take_turn
from services.operating import child
from tests.engines import ROOT
from tests.payloads import group_created

ON_SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def stop():
    stop = Event()
    yield stop
    stop.set()


@ON_SQLITE
def test_child_records_and_ends_when_told(
    run_command, journal, post, connection, monkeypatch, stop
):
    monkeypatch.chdir(ROOT)
    pause = Event()

    thread = child.keep_recorder(journal.folders, stop)

    post(group_created())
    while connection.scalar(sa.select(sa.func.count(Delivery.id))) == 0:
        connection.rollback()
        pause.wait(0.02)
    assert is_recorder_running(journal.folders)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert not is_recorder_running(journal.folders)


def test_no_child_is_started_while_a_recorder_is_running(journal, monkeypatch, stop, tmp_path):
    turn, started, pause = take_turn(journal.folders), tmp_path / "started", Event()
    monkeypatch.setattr(child, "RECORD", ("touch", started))
    monkeypatch.setattr(child, "RETRY_SECONDS", 0.01)

    thread = child.keep_recorder(journal.folders, stop)

    thread.join(0.2)
    assert not started.exists()
    os.close(turn)
    while not started.exists():
        pause.wait(0.01)
    stop.set()
    thread.join()


def test_recorder_uses_the_first_folder_that_allows_it(tmp_path):
    (tmp_path / "file").touch()
    folders = (tmp_path / "file", tmp_path / "well")

    turn = take_turn(folders)

    assert turn is not None
    assert take_turn(folders) is None
    os.close(turn)
    with pytest.raises(OSError, match="exists"):
        take_turn(folders[:1])
