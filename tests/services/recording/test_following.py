"""What follows from events: labels and present states."""

from functools import partial

import pytest
import sqlalchemy as sa

from models.tables import Delivery, Label, Ledger, LifecycleEvent, PresentState
from services.recording.following import follow as following
from services.recording.following import subjects as by_subject
from services.recording.following.follow import follow_all, follow_some
from services.recording.following.subjects import follow_subjects
from services.recording.loop import Loop
from tests.payloads import (
    channel_created,
    group_changed,
    group_created,
    group_destroyed,
    topic_changed,
)

GROUP = "@TGS#1"

# Statements that make a database reject one label, and that undo this.
REFUSE = {
    "sqlite": (
        "CREATE TRIGGER refuse BEFORE INSERT ON labels WHEN NEW.folded = 'bad' "
        "BEGIN SELECT RAISE(ABORT, 'bad'); END",
        "DROP TRIGGER refuse",
    ),
    "postgresql": (
        "ALTER TABLE labels ADD CONSTRAINT refuse CHECK (folded <> 'bad')",
        "ALTER TABLE labels DROP CONSTRAINT refuse",
    ),
    "mysql": (
        "ALTER TABLE labels ADD CONSTRAINT refuse CHECK (folded <> 'bad')",
        "ALTER TABLE labels DROP CONSTRAINT refuse",
    ),
}


@pytest.fixture
def told(rows):
    """Return the labels, by kind."""

    def read():
        return sorted((row.kind, row.holder_id, row.folded) for row in rows(Label))

    return read


def test_every_id_and_every_name_has_one_label_however_often_it_is_told(deliver, told):
    for _ in range(2):
        deliver(group_created(GroupId=GROUP, Name="Big Town", Owner_Account="Ann"))
        deliver(group_changed(GroupId=GROUP, Name="BIG TOWN", Operator_Account="Bob"))
        deliver(group_changed(GroupId=GROUP, Name="", Operator_Account="Bob"))
        members = [{"Member_Account": one} for one in ("Ann", "Cid")]
        deliver(group_destroyed(GroupId=GROUP, Name="Village", MemberList=members))

    expected = {("group", GROUP, text) for text in ("@tgs#1", "bigtown", "", "village")}
    assert {label for label in told() if label[0] == "group"} == expected
    users = [label[1] for label in told() if label[0] == "user"]
    assert sorted({*users}) == users
    assert {"Ann", "Bob", "Cid"} <= {*users}


def test_name_of_a_topic_is_no_name_of_its_group(deliver, told):
    deliver(topic_changed(GroupId=GROUP, Name="Only a topic"))

    assert {label[2] for label in told() if label[0] == "group"} == {"@tgs#1"}


def test_text_of_any_kind_has_a_label(deliver, told):
    names = ["x" * 1000, "\ud800\0", "\u241b", "\ufdfa" * 100, "😀\U0010ffff"]
    for number, name in enumerate(names):
        deliver(channel_created(Official_Account=f"\ud800{number}", Name=name))

    assert len([label for label in told() if label[0] == "channel"]) == 2 * len(names)


def test_many_events_and_members_are_followed_in_parts(post, recorder, told, monkeypatch, rows):
    monkeypatch.setattr(following, "MOST_EVENTS", 3)
    monkeypatch.setattr(following, "MOST_MEMBERS", 5)
    monkeypatch.setattr(following, "FEW_EVENTS", 0)
    for number in range(4):
        post(group_created(GroupId=f"g{number}", MemberList=None))
    crowd = [{"Member_Account": f"u{number}"} for number in range(6)]
    post(group_destroyed(GroupId="g0", MemberList=crowd))
    recorder.record_available()

    parts = [*iter(partial(follow_some, recorder.database), 0)]

    assert parts == [3, 1, 1]
    assert [row.followed_event_id for row in rows(Ledger)] == [5]
    assert {f"u{number}" for number in range(6)} <= {label[1] for label in told()}


def test_label_that_is_refused_holds_up_nothing_and_is_made_later(
    post, recorder, administer, engine, rows, told, caplog
):
    refuse, allow = REFUSE[engine.name]
    administer(refuse)
    loop = Loop(recorder)
    for group_id in ("good", "bad"):
        post(group_created(GroupId=group_id))

    pauses = [loop.work() for _ in range(3)]

    assert len(rows(Delivery)) == 2
    assert max(pauses) < 1
    assert told() == []
    assert [one for one in caplog.messages if one.startswith("lists and search do not")] != []
    administer(allow)
    follow_all(recorder.database)
    assert {"good", "bad"} <= {label[1] for label in told()}


def test_batch_that_leaves_nothing_waiting_is_followed_in_its_transaction(
    post, recorder, told, rows
):
    post(group_created(GroupId=GROUP))

    recorder.record_batch()

    assert ("group", GROUP, "@tgs#1") in told()
    assert [row.subject_id for row in rows(PresentState)] == [GROUP]


def test_large_batch_is_followed_behind_it_and_so_is_the_next(post, recorder, rows, monkeypatch):
    monkeypatch.setattr(following, "FEW_EVENTS", 1)
    groups = [f"g{number}" for number in range(3)]
    for group_id in groups[:2]:
        post(group_created(GroupId=group_id))
    recorder.record_batch()
    post(group_created(GroupId=groups[2]))
    recorder.record_batch()
    assert rows(PresentState) == []

    Loop(recorder).work()

    assert [row.subject_id for row in rows(PresentState)] == groups


def test_what_waits_is_followed_although_callbacks_keep_coming(post, recorder, rows, monkeypatch):
    monkeypatch.setattr(following, "FEW_EVENTS", 1)
    groups = [f"g{number}" for number in range(4)]
    for group_id in groups[:2]:
        post(group_created(GroupId=group_id))
    recorder.record_batch()
    loop = Loop(recorder)
    loop.chores.clear()
    for group_id in groups[2:]:
        post(group_created(GroupId=group_id))
        loop.work()

    assert [row.subject_id for row in rows(PresentState)] == groups


@pytest.fixture
def story(post, recorder, monkeypatch):
    """Events of several subjects, recorded and not yet followed."""
    monkeypatch.setattr(following, "FEW_EVENTS", 0)
    monkeypatch.setattr(by_subject, "MOST_EVENTS", 3)
    members = [{"Member_Account": one} for one in ("Ann", "Cid")]
    for group_id in ("g1", "g2", "g3", "g\0␛\ud800"):
        post(group_created(GroupId=group_id, Name="Town", Owner_Account="Ann", EventTime=1000))
        post(group_changed(GroupId=group_id, Name="City", Operator_Account="Bob", EventTime=3000))
        post(group_changed(GroupId=group_id, Name="Late", EventTime=2000))
    post(group_destroyed(GroupId="g2", Name=None, MemberList=members, EventTime=4000))
    post(topic_changed(GroupId="g3", Name="Only a topic", EventTime=5000))
    post(channel_created(Official_Account="g3", Name="A channel"))
    recorder.record_available()


def test_most_events_are_followed_by_subject_as_they_are_in_order(
    story, recorder, told, rows, administer
):
    follow_subjects(recorder.database)

    states, labels, [ledger] = rows(PresentState), told(), rows(Ledger)
    assert len(states) == 5
    assert {"Ann", "Bob", "Cid"} <= {label[1] for label in labels}
    assert "onlyatopic" not in {label[2] for label in labels}
    assert ledger.followed_event_id == ledger.next_event_id - 1
    administer("DELETE FROM subjects")
    administer("UPDATE ledger SET followed_event_id = 0")
    while follow_some(recorder.database):
        pass
    assert rows(PresentState) == states
    assert told() == labels


def test_events_that_were_imported_have_statistics_before_they_are_followed(
    story, recorder, engine, rows
):
    if engine.name != "postgresql":
        pytest.skip("the others have them at any time")
    known = sa.text("SELECT reltuples FROM pg_class WHERE relname = 'lifecycle_events'")

    follow_subjects(recorder.database)

    with recorder.database.engine.connect() as connection:
        assert connection.scalar(known) == len(rows(LifecycleEvent))


def test_few_events_are_not_followed_by_subject(story, recorder, rows, post):
    follow_all(recorder.database)
    post(group_created(GroupId="new"))
    recorder.record_available()

    follow_subjects(recorder.database)

    assert "new" not in {row.subject_id for row in rows(PresentState)}


def test_database_that_was_opened_anew_is_not_taken_for_followed(
    story, recorder, rows, monkeypatch
):
    listed = by_subject.list_subjects

    def list_subjects(engine, kind):
        yield from listed(engine, kind)
        engine.dispose()

    monkeypatch.setattr(by_subject, "list_subjects", list_subjects)

    follow_subjects(recorder.database)

    assert [row.followed_event_id for row in rows(Ledger)] == [0]
