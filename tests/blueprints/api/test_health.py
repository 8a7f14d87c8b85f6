"""Liveness and readiness."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from models.database.engine import open_writer
from services.journal.status import JournalStatus
from services.reading.health import newest_revision
from tests.conftest import KEY, NOW
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
    engine = open_writer(sa.make_url(database_url))
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    engine.dispose()

    assert read("/readyz", 503)["database"]["revision"] == "0000"


def test_database_that_is_away_is_not_ready(without_database):
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = without_database.get("/readyz", headers=headers)

    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert answer.get_json()["database"]["reachable"] is False
    history = without_database.get("/history", headers=headers)
    assert (history.status_code, history.get_json()["title"]) == (503, "Database unavailable")
