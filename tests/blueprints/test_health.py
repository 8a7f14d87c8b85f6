"""Liveness and readiness."""

import sqlalchemy as sa

from services.health import newest_revision
from tests.conftest import KEY

EMPTY = {
    "depth": 0,
    "stuck": 0,
    "oldest_received_at": None,
    "age_seconds": 0.0,
    "writable": True,
}


def test_process_is_alive(client):
    assert client.get("/healthz").get_json() == {"status": "alive"}


def test_migrated_database_is_ready(engine, read):
    state = {
        "engine": engine.name,
        "reachable": True,
        "revision": newest_revision(),
        "expected_revision": newest_revision(),
    }

    assert read("/readyz") == {
        "status": "ready",
        "database": state,
        "read_database": state,
        "spool": EMPTY,
    }


def test_database_at_another_revision_is_not_ready(app, read):
    with app.extensions["runtime"].database.writes.begin() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))

    problem = read("/readyz", 503)

    assert problem["database"]["revision"] == "0000"


def test_database_that_is_away_is_not_ready(without_database):
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = without_database.get("/readyz", headers=headers)

    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert answer.get_json()["database"]["reachable"] is False
    history = without_database.get("/history", headers=headers)
    assert (history.status_code, history.get_json()["title"]) == (503, "Database unavailable")
    callback = without_database.post("/callback?SdkAppid=1", json={"CallbackCommand": "a"})
    assert callback.status_code == 200
    waiting = without_database.get("/readyz", headers=headers).get_json()["spool"]
    assert (waiting["depth"], waiting["writable"]) == (1, True)
    assert waiting["age_seconds"] >= 0
