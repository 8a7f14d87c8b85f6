"""Fixtures: the service for commands, on the clock of this machine."""

from threading import Event, Thread

import pytest

from app import create_receiver
from models.clock import utc_now
from services.journal.folder import make_folder
from services.journal.status import read_status
from services.recording.loop import Loop
from services.recording.recorder import Recorder
from tests.conftest import serving


@pytest.fixture
def webhook(receiver_settings):
    """The webhook URL of a receiver."""
    app = create_receiver(receiver_settings)
    with serving(app) as address:
        yield f"{address}/callback"
    app.extensions["receiver"].close()


@pytest.fixture
def recording(recorder_settings):
    """A recorder at work."""
    folders, stop = recorder_settings.journal.folders, Event()
    make_folder(*folders)
    thread = Thread(target=Loop(Recorder(recorder_settings, utc_now)).run, args=[stop])
    thread.start()
    while read_status(folders) is None:
        stop.wait(0.01)
    yield
    stop.set()
    thread.join()
