"""Reading deliveries again with the schemas of a newer release."""

from threading import Thread

import pytest
import sqlalchemy as sa

from models.database.engine import open_writer
from models.tables import Delivery, EventMember, Ledger, LifecycleEvent
from schemas.tencent import body
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from services.operating import replay
from services.recording.following.follow import follow_all
from tests.payloads import (
    channel_changed,
    channel_created,
    group_created,
    group_destroyed,
    topic_changed,
)

DESTROYED = "Group.CallbackAfterGroupDestroyed"
TOPIC_CHANGED = "Group.CallbackAfterTopicInfoChanged"
TABLES = (Delivery, LifecycleEvent, EventMember)


@pytest.fixture
def older(deliver, clock, monkeypatch):
    """The rows of a release that knew neither the end of groups nor topics."""
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
def run(run_command):
    def invoke(*args):
        done = run_command("replay", *args)
        assert done.exit_code == 0, done.output
        return done.stdout.splitlines()

    return invoke


@pytest.fixture
def tables(app):
    """Read all rows of some tables."""

    def read(*models):
        with app.extensions["runtime"].connect() as connection:
            return [
                connection.execute(
                    sa.select(model.__table__).order_by(*model.__table__.primary_key)
                ).all()
                for model in models
            ]

    return read


@pytest.mark.parametrize("chunk", [1, 500])
def test_what_has_become_readable_turns_into_events(older, run, tables, read, monkeypatch, chunk):
    monkeypatch.setattr(replay, "CHUNK", chunk)
    deliveries = tables(Delivery)

    assert run()[-3:] == [
        f"{DESTROYED}: 1 event, 1 repeat",
        f"{TOPIC_CHANGED}: 2 events, 0 repeats",
        "Read 6 deliveries without an event: 3 events added.",
    ]

    assert tables(Delivery) == deliveries
    (destroyed,) = read("/history", action="destroyed")["items"]
    assert (destroyed["members"], destroyed["delivery_id"]) == (["leckie", "peter", "bob"], 2)
    assert destroyed["occurred_at"] == "2022-12-09T08:26:54.123Z"
    assert read("/history", member="bob", action="destroyed")["items"] == [destroyed]
    assert read("/groups/%40TGS%232J4SZEAEL")["status"] == "destroyed"


def test_what_has_become_readable_is_labelled(older, run, rows, recorder):
    run()
    follow_all(recorder.database)

    (ledger,) = rows(Ledger)
    assert ledger.followed_event_id == len(rows(LifecycleEvent)) == 5


def test_running_twice_changes_nothing(older, run, tables):
    run()
    before = tables(*TABLES)

    assert run()[-1] == "Read 3 deliveries without an event: 0 events added."

    assert tables(*TABLES) == before


@pytest.mark.parametrize("chunk", [2, 500])
def test_dry_run_tells_and_adds_nothing(older, run, tables, monkeypatch, chunk):
    monkeypatch.setattr(replay, "CHUNK", chunk)
    before = tables(*TABLES)

    *told, last = run("--dry-run")

    assert told[-2].endswith("1 event, 1 repeat")
    assert last == "Read 6 deliveries without an event: 3 events would be added."
    assert tables(*TABLES) == before


def test_nothing_to_replay(deliver, run):
    deliver(channel_changed())

    assert run()[-1] == "Read 0 deliveries without an event: 0 events added."


def test_recorder_at_work_and_a_replay_leave_no_gap_and_no_double(
    older, post, recorder, run, tables, clock, monkeypatch
):
    monkeypatch.setattr(replay, "CHUNK", 1)
    replaying = Thread(target=run)
    replaying.start()
    for number in range(20):
        post(group_created(GroupId=f"g{number}"))
        recorder.record_available()
    replaying.join()
    post(group_created(GroupId="last"))
    recorder.record_available()

    deliveries, events = tables(Delivery, LifecycleEvent)
    assert [row.id for row in deliveries] == [*range(1, 8 + 21 + 1)]
    assert [row.id for row in events] == [*range(1, 2 + 3 + 21 + 1)]
    assert len({row.delivery_id for row in events}) == len(events)


def test_event_that_the_recorder_adds_during_a_replay_is_known_to_it(
    older, deliver, clock, database_url, monkeypatch, tables
):
    monkeypatch.setattr(replay, "CHUNK", 4)
    engine = open_writer(database_url)
    added = []

    def record(_):
        if not added:
            added.append(deliver(topic_changed()))

    replay.replay(engine, dry_run=False, on_read=record)
    engine.dispose()

    (events,) = tables(LifecycleEvent)
    times = [row.occurred_at for row in events if row.action == "topic_changed"]
    assert len({*times}) == len(times) == 3


def test_database_that_is_not_there_is_told_and_not_made(run_command, tmp_path, monkeypatch):
    file = tmp_path / "nothing.db"
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{file}")

    done = run_command("replay")

    assert done.exit_code == 2
    assert done.stderr == f"lifecycle: {file} does not exist: run make migrate\n"
    assert not file.exists()


def test_failure_is_told_in_a_line(run_command, older, database_url):
    writer = open_writer(database_url)
    with writer.begin() as broken:
        broken.execute(sa.text("ALTER TABLE event_members RENAME TO away"))
    writer.dispose()

    done = run_command("replay")

    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1].startswith("lifecycle: ")
    assert "event_members" in done.stderr.splitlines()[-1]
