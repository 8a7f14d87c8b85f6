"""What a search finds is kept up behind the recorder."""

from functools import partial

import pytest

from models.tables import Delivery, Label, Ledger
from services.recording import labels
from services.recording.labels import label_all, label_some
from services.recording.loop import Loop
from tests.payloads import (
    channel_created,
    group_changed,
    group_created,
    group_destroyed,
    topic_changed,
)

GROUP = "@TGS#1"

# How one label is refused, and how it is let in again.
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
    """Tell what labels there are, by kind."""

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


def test_many_events_and_members_are_labelled_in_parts(post, recorder, told, monkeypatch, rows):
    monkeypatch.setattr(labels, "MOST_EVENTS", 3)
    monkeypatch.setattr(labels, "MOST_MEMBERS", 5)
    for number in range(4):
        post(group_created(GroupId=f"g{number}", MemberList=None))
    crowd = [{"Member_Account": f"u{number}"} for number in range(6)]
    post(group_destroyed(GroupId="g0", MemberList=crowd))
    recorder.record_available()

    parts = [*iter(partial(label_some, recorder.database), 0)]

    assert parts == [3, 1, 1]
    assert [row.labelled_event_id for row in rows(Ledger)] == [5]
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
    assert [one for one in caplog.messages if one.startswith("search does not find")] != []
    administer(allow)
    label_all(recorder.database)
    assert {"good", "bad"} <= {label[1] for label in told()}


def test_loop_labels_what_it_has_recorded_once_it_has_nothing_else_to_do(post, recorder, told):
    loop = Loop(recorder)
    loop.work()
    post(group_created(GroupId=GROUP))

    loop.work()
    assert told() == []
    loop.work()
    assert ("group", GROUP, "@tgs#1") in told()
