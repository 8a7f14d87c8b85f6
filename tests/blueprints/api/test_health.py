"""Liveness and readiness."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from models.database.engine import open_writer
from services.journal.status import JournalStatus
from services.reading.health import newest_revision
from tests.conftest import KEY, NOW
from tests.engines import set_revision
from tests.health import store_status

WELL = JournalStatus(NOW, room_bytes=10**9, kept_bytes=5, writable=True, recorder_at=NOW)


@pytest.fixture
def tell(client):
    return partial(store_status, client)


def test_process_is_alive(client):
    assert client.get("/healthz").get_json() == {"status": "alive"}


def test_service_that_is_well_is_ready(engine, read, tell):
    tell(WELL)

    assert read("/readyz") == {
        "status": "ready",
        "database": {
            "engine": engine.name,
            "reachable": True,
            "revision": newest_revision(),
            "expected_revision": newest_revision(),
        },
        "journal": {
            "waiting": 0,
            "stuck": 0,
            "oldest_received_at": None,
            "age_seconds": 0.0,
            "room_bytes": 10**9,
            "kept_bytes": 5,
            "writable": True,
            "recorder_at": NOW.isoformat().replace("+00:00", "Z"),
            "recorder_at_work": True,
        },
    }


def test_reader_that_does_not_see_the_journal_is_ready(read, tell):
    tell(None)

    assert read("/readyz")["journal"] is None


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"writable": False}, "writable"),
        ({"recorder_at": NOW - timedelta(minutes=1)}, "recorder_at_work"),
        ({"recorder_at": None}, "recorder_at_work"),
    ],
)
def test_journal_or_recorder_that_does_not_work_is_not_ready(read, tell, change, member):
    tell(replace(WELL, **change))

    assert read("/readyz", 503)["journal"][member] is False


def test_what_waits_is_told(read, tell, clock):
    tell(replace(WELL, waiting=3, stuck=1, oldest_received_at=NOW))
    clock.move(seconds=2)

    journal = read("/readyz")["journal"]

    assert (journal["waiting"], journal["stuck"], journal["age_seconds"]) == (3, 1, 2.0)


def test_database_at_another_revision_is_not_ready(database_url, read, tell):
    tell(WELL)
    set_revision(database_url, "0000")

    assert read("/readyz", 503)["database"]["revision"] == "0000"


def test_database_whose_events_cannot_be_read_is_not_ready(database_url, read, tell):
    tell(WELL)
    engine = open_writer(database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE event_members RENAME TO moved"))
    engine.dispose()

    assert read("/readyz", 503)["database"]["reachable"] is False


def list_connections(engine, database_url):
    """List the connections to a database by the server's numbers."""
    query = {
        "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = :name",
        "mysql": "SELECT id FROM information_schema.processlist WHERE db = :name",
    }[engine.name]
    with engine.admin.connect() as admin:
        return [*admin.scalars(sa.text(query), {"name": database_url.database})]


def cut(engine, numbers):
    """Let the server end connections."""
    statement = {"postgresql": "SELECT pg_terminate_backend({})", "mysql": "KILL {}"}[engine.name]
    for number in numbers:
        engine.run(statement.format(number))


ADDRESSES = ("/readyz", "/history", "/export", "/metrics", "/console/")


@pytest.fixture
def with_connections(engine, database_url, app, read, tell):
    """A reader with connections to a server in its pools."""
    if engine.name == "sqlite":
        pytest.skip("has no connections that are cut")
    tell(WELL)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(app.extensions["runtime"].connect()).scalar(sa.text("SELECT 1"))
    assert len(list_connections(engine, database_url)) >= 3


def test_connections_that_were_cut_while_idle_are_not_missed(
    with_connections, client, engine, database_url
):
    for address in ADDRESSES:
        cut(engine, list_connections(engine, database_url))
        for _ in range(6):
            answer = client.get(address, headers={"Authorization": f"Bearer {KEY}"})
            assert answer.status_code == 200
            assert "not responding" not in answer.text
            assert "database_up 0" not in answer.text


@pytest.mark.parametrize("address", ADDRESSES)
def test_connection_that_is_cut_at_work_is_not_missed(
    with_connections, app, client, engine, database_url, address
):
    pools = app.extensions["runtime"].engine, app.extensions["runtime"].export_engine
    left = [1]

    def cut_once(connection, *_):
        if left:
            left.clear()
            cut(engine, list_connections(engine, database_url))

    for pool in pools:
        sa.event.listen(pool, "before_cursor_execute", cut_once)
    answer = client.get(address, headers={"Authorization": f"Bearer {KEY}"})

    assert not left
    assert answer.status_code == 200
    assert "not responding" not in answer.text
    assert "database_up 0" not in answer.text


def test_database_that_is_away_is_not_ready(without_database):
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = without_database.get("/readyz", headers=headers)

    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert answer.get_json()["database"]["reachable"] is False
    history = without_database.get("/history", headers=headers)
    assert (history.status_code, history.get_json()["title"]) == (503, "Database unavailable")
