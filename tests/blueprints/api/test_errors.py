"""A query that takes too long, and a database that is away."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import create_reader
from blueprints.api.runtime import is_outage
from models.database.engine import open_writer
from tests.conftest import KEY
from tests.payloads import channel_created, group_destroyed

AUTHORIZED = {"Authorization": f"Bearer {KEY}"}
# Seven tables of twelve rows beside each other: 36 million rows to count.
TWELVE = " UNION ALL ".join(f"SELECT {number} AS n" for number in range(12))
TABLES = ", ".join(f"({TWELVE}) t{number}" for number in range(7))
SLOW = f"(SELECT COUNT(*) AS n FROM {TABLES}) slow"


def make_slow(url, table):
    """Replace a table by a slow view."""
    engine = open_writer(url)
    with engine.execution_options(migrating=True).begin() as connection:
        connection.execute(sa.text(f"ALTER TABLE {table} RENAME TO moved"))
        query = f"SELECT moved.* FROM {SLOW} JOIN moved ON slow.n > 0"
        connection.execute(sa.text(f"CREATE VIEW {table} AS {query}"))
    engine.dispose()


@pytest.fixture
def hurried(settings):
    """A client of a reader with a short time limit."""
    app = create_reader(replace(settings, read_timeout=timedelta(milliseconds=100)))
    yield app.test_client()
    app.extensions["runtime"].close()


def test_question_that_takes_too_long_is_cut_off(hurried, deliver, database_url):
    deliver(channel_created(), query={"SdkAppid": "1"})
    make_slow(database_url, "quarantined_requests")

    answer = hurried.get("/quarantine", headers=AUTHORIZED)

    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert answer.get_json()["title"] == "Question took too long"
    assert "READ_TIMEOUT_SECONDS (0.1 s)" in answer.get_json()["detail"]
    assert hurried.get("/history", headers=AUTHORIZED).status_code == 200


def test_export_may_take_longer(hurried, deliver, database_url):
    deliver(group_destroyed())
    make_slow(database_url, "event_members")

    assert hurried.get("/history", headers=AUTHORIZED).status_code == 503
    answer = hurried.get("/export", headers=AUTHORIZED)

    assert answer.text.endswith('{"complete":true,"count":1}\n')


def test_database_that_is_away_is_another_problem(without_database):
    answer = without_database.get("/history", headers=AUTHORIZED)

    assert (answer.status_code, answer.get_json()["title"]) == (503, "Database unavailable")


def test_only_what_the_database_did_is_an_outage():
    assert is_outage(sa.exc.OperationalError("", (), Exception()))
    assert is_outage(sa.exc.TimeoutError())
    assert not is_outage(sa.exc.DataError("", (), Exception()))
    assert not is_outage(sa.exc.StatementError("", "", (), Exception()))


def rename(url, old, new):
    engine = open_writer(url)
    with engine.execution_options(migrating=True).begin() as connection:
        connection.execute(sa.text(f"ALTER TABLE {old} RENAME TO {new}"))
    engine.dispose()


@pytest.fixture
def without_events(database_url, deliver):
    """A database without the table of events, which still has a group."""
    deliver(group_destroyed())
    rename(database_url, "lifecycle_events", "moved")


GROUP = "groups/%40TGS%232J4SZEAEL"
ADDRESSES = (
    *("/history", "/export", f"/{GROUP}?at=2026-11-21T07:00:00Z", "/readyz"),
    *("/console/", "/console/events", f"/console/{GROUP}"),
)


def test_outage_is_one_line_in_the_log_and_so_is_its_end(
    without_events, client, database_url, caplog
):
    for address in 2 * ADDRESSES:
        client.get(address, headers=AUTHORIZED)
    rename(database_url, "moved", "lifecycle_events")
    for address in ADDRESSES:
        client.get(address, headers=AUTHORIZED)

    first, last = [one for one in caplog.records if one.levelname != "INFO"]
    assert first.message.startswith("database unavailable: ")
    assert "lifecycle_events" in first.message
    assert "\n" not in first.message
    assert first.exc_info is None
    assert last.message == "database available again"
