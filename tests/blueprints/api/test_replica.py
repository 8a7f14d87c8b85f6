"""A reader of a replica."""

from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from app import create_reader
from config import ApiKey, ReaderSettings, RecorderSettings
from models.database.engine import open_writer
from services.recording.recorder import Recorder
from tests.conftest import KEY
from tests.engines import program
from tests.faults.rig.standby import server_with_standby
from tests.faults.trial import wait_until
from tests.payloads import group_destroyed

AUTHORIZED = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def pair():
    if not program("initdb"):
        pytest.skip("no PostgreSQL to start here")
    with server_with_standby() as pair:
        pair.lose_patience()
        yield pair


@pytest.fixture
def database(pair):
    """The URL of a database with one event."""
    with pair.database() as url:
        yield url


@pytest.fixture
def client(pair, database, post, journal, clock):
    """A client of a reader on a replica of the recorder's database."""
    post(group_destroyed())
    recorder = Recorder(RecorderSettings(database, journal), clock)
    recorder.record_available()
    recorder.close()
    assert wait_until(pair.follows)
    replica = database.set(query={"host": str(pair.standby.folder)})
    app = create_reader(ReaderSettings(replica, (ApiKey("tests", KEY),)))
    yield app.test_client()
    app.extensions["runtime"].close()


@contextmanager
def change_at_each_statement(client, pair, database, *, times):
    """Let the primary change a table, as a migration does, while a query reads it."""
    reading, writing = client.application.extensions["runtime"].engine, open_writer(database)
    left = [times]

    def change(*_):
        if left[0]:
            left[0] -= 1
            with writing.begin() as connection:
                connection.exec_driver_sql("LOCK TABLE lifecycle_events")
            assert wait_until(pair.follows)

    sa.event.listen(reading, "after_cursor_execute", change)
    yield
    sa.event.remove(reading, "after_cursor_execute", change)
    writing.dispose()
    assert left == [0]


@pytest.mark.parametrize(("times", "status"), [(1, 200), (2, 503)])
def test_question_that_a_replica_cancels_is_asked_once_more(client, pair, database, times, status):
    with change_at_each_statement(client, pair, database, times=times):
        answer = client.get("/history", headers=AUTHORIZED)

    assert answer.status_code == status
    assert client.get("/history", headers=AUTHORIZED).json["items"][0]["action"] == "destroyed"
