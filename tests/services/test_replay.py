"""Reading deliveries again with the schemas of a newer release."""

import pytest
import sqlalchemy as sa

from models import Delivery, EventMember, LifecycleEvent
from schemas import body
from schemas.registry import LIFECYCLE_SCHEMAS
from services import replay
from tests.payloads import (
    channel_changed,
    channel_created,
    group_created,
    group_destroyed,
    topic_changed,
)

DESTROYED = "Group.CallbackAfterGroupDestroyed"
TOPIC_CHANGED = "Group.CallbackAfterTopicInfoChanged"


@pytest.fixture
def older(deliver, clock, monkeypatch):
    """What a release stored that knew neither the end of groups nor topics."""
    known = dict(LIFECYCLE_SCHEMAS)
    del known[DESTROYED], known[TOPIC_CHANGED]
    with monkeypatch.context() as before:
        before.setattr(body, "LIFECYCLE_SCHEMAS", known)
        deliver(group_created())
        deliver(group_destroyed())
        deliver(group_destroyed())
        deliver(data=b"not JSON")
        deliver({"CallbackCommand": "C2C.CallbackAfterSendMsg"})
        for _ in range(2):
            deliver(topic_changed())
            clock.move(minutes=5)
    deliver(channel_created())


@pytest.fixture
def run(app):
    def invoke(*args):
        done = app.test_cli_runner().invoke(args=["replay", *args])
        assert done.exit_code == 0, done.output
        return done.stdout.splitlines()

    return invoke


def table(session, model):
    rows = session.execute(sa.select(model.__table__).order_by(*model.__table__.primary_key))
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("chunk", [1, 500])
def test_what_has_become_readable_turns_into_events(
    app, older, run, session, read, monkeypatch, chunk
):
    monkeypatch.setattr(replay, "CHUNK", chunk)
    deliveries = table(session, Delivery)
    session.rollback()

    assert run()[-3:] == [
        f"{DESTROYED}: 1 events, 1 repeats",
        f"{TOPIC_CHANGED}: 2 events, 0 repeats",
        "Read 6 deliveries without an event: 3 added.",
    ]

    assert table(session, Delivery) == deliveries
    (destroyed,) = read("/history", action="destroyed")["items"]
    assert (destroyed["members"], destroyed["delivery_id"]) == (["leckie", "peter", "bob"], 2)
    assert destroyed["occurred_at"] == "2022-12-09T08:26:54.123Z"
    assert read("/history", member="bob", action="destroyed")["items"] == [destroyed]
    assert read("/groups/%40TGS%232J4SZEAEL")["status"] == "destroyed"


def test_running_twice_changes_nothing(older, run, session):
    run()
    before = [table(session, model) for model in (Delivery, LifecycleEvent, EventMember)]
    session.rollback()

    assert run()[-1] == "Read 3 deliveries without an event: 0 added."

    after = [table(session, model) for model in (Delivery, LifecycleEvent, EventMember)]
    assert after == before


@pytest.mark.parametrize("chunk", [2, 500])
def test_dry_run_tells_and_adds_nothing(older, run, session, monkeypatch, chunk):
    monkeypatch.setattr(replay, "CHUNK", chunk)
    before = [table(session, model) for model in (Delivery, LifecycleEvent, EventMember)]
    session.rollback()

    *told, last = run("--dry-run")

    assert told[-2].endswith("1 events, 1 repeats")
    assert last == "Read 6 deliveries without an event: 3 would be added."
    after = [table(session, model) for model in (Delivery, LifecycleEvent, EventMember)]
    assert after == before


def test_nothing_to_replay(deliver, run):
    deliver(channel_changed())

    assert run()[-1] == "Read 0 deliveries without an event: 0 added."


def test_failure_is_told_in_a_line(app, older):
    with app.extensions["runtime"].database.writes.begin() as broken:
        broken.execute(sa.text("ALTER TABLE event_members RENAME TO away"))

    done = app.test_cli_runner().invoke(args=["replay"])

    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].startswith("Error: ")
