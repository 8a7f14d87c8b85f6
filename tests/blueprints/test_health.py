"""Liveness and readiness."""

import sqlalchemy as sa

from app import create_app
from config import ApiKey, Settings
from services.health import newest_revision
from tests.conftest import KEY


def test_process_is_alive(client):
    assert client.get("/healthz").get_json() == {"status": "alive"}


def test_migrated_database_is_ready(engine, read):
    state = {
        "engine": engine.name,
        "reachable": True,
        "revision": newest_revision(),
        "expected_revision": newest_revision(),
    }

    assert read("/readyz") == {"status": "ready", "database": state, "read_database": state}


def test_database_at_another_revision_is_not_ready(app, read):
    with app.extensions["runtime"].database.writes.begin() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))

    problem = read("/readyz", 503)

    assert problem["database"]["revision"] == "0000"


def test_database_that_is_away_is_not_ready(tmp_path):
    folder = sa.make_url(f"sqlite:///{tmp_path}")  # a folder is no database
    keys = (ApiKey("tests", KEY),)
    app = create_app(Settings({"1": ()}, folder, folder, api_keys=keys))

    headers = {"Authorization": f"Bearer {KEY}"}
    answer = app.test_client().get("/readyz", headers=headers)

    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert answer.get_json()["database"]["reachable"] is False
    history = app.test_client().get("/history", headers=headers)
    assert (history.status_code, history.get_json()["title"]) == (503, "Database unavailable")
    callback = app.test_client().post("/callback?SdkAppid=1", json={"CallbackCommand": "a"})
    assert (callback.status_code, callback.get_json()["ErrorCode"]) == (503, 50301)
