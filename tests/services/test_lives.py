"""Folding events, without a database."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.lives import Change, FieldValue, fold_state
from services.versions import fold_versions

START = datetime(2026, 5, 1, tzinfo=UTC)
IDS = count(1)


def event(action, second=0, *, timed=True, event_id=None, **mentioned):
    """A row of an event; other keyword arguments are columns or, capitalised, details."""
    row = {"operator": None, "owner": None, "name": None, "platform": None}
    row |= {name: value for name, value in mentioned.items() if name in row}
    return row | {
        "id": event_id or next(IDS),
        "action": action,
        "occurred_at": at(second),
        "event_time": second if timed else None,
        "details": {name: value for name, value in mentioned.items() if name not in row},
    }


def at(second):
    return START + timedelta(seconds=second)


def lives(*events):
    return [(version.life, version.action) for version in fold_versions(events)]


def test_unknown_unchanged_and_cleared_are_three_things():
    life = fold_state(
        [
            event("created", 0, name="A", event_id=1),
            event("profile_changed", 1, Introduction="x", Notification="y", event_id=2),
            event("profile_changed", 2, Introduction="", FaceUrl=None, event_id=3),
        ]
    )

    assert life.fields == {
        "name": FieldValue("A", at(0), 1),
        "notification": FieldValue("y", at(1), 2),
        "introduction": FieldValue("", at(2), 3),
    }


def test_field_that_is_said_again_is_as_old_as_before():
    life = fold_state([event("created", 0, name="A"), event("destroyed", 9, name="A")])

    assert life.fields["name"].since == at(0)
    assert (life.status, life.created_at, life.destroyed_at) == ("destroyed", at(0), at(9))


@pytest.mark.parametrize("action", ["profile_changed", "destroyed", "members_added", "full"])
def test_subject_may_be_first_seen_by_anything(action):
    life = fold_state([event(action, 5, name="A", Type="Public")])

    assert (life.number, life.created_at) == (1, None)
    assert {name: value.value for name, value in life.fields.items()} == {
        "name": "A",
        "group_type": "Public",
    }


def test_topic_says_nothing_of_its_community_but_the_type():
    life = fold_state([event("topic_created", 0, name="T", owner="u", Type="Community")])

    assert list(life.fields) == ["group_type"]


def test_id_that_is_used_again_has_another_life_that_knows_nothing_of_the_first():
    events = [
        event("created", 0, name="A", Introduction="x"),
        event("destroyed", 1, name="A"),
        event("created", 2, name="A"),
    ]

    *_, last = fold_versions(events)

    assert (last.version, last.life, last.changes) == (3, 2, [Change("name", None, "A")])


def test_creation_after_another_begins_a_life_though_no_end_was_seen():
    assert lives(event("created", 0), event("created", 1)) == [(1, "created"), (2, "created")]


def test_creation_that_follows_its_first_changes_belongs_to_the_same_life():
    events = [event("members_added", 0), event("created", 1), event("destroyed", 2)]

    assert lives(*events) == [(1, "created"), (1, "destroyed")]
    assert fold_state(events).created_at == at(1)


@pytest.mark.parametrize("action", ["profile_changed", "owner_changed", "destroyed"])
def test_what_only_a_living_subject_can_do_proves_another_life(action):
    assert lives(event("destroyed", 0), event(action, 1)) == [(1, "destroyed"), (2, action)]


def test_last_that_is_heard_of_an_end_raises_nobody_from_the_dead():
    end = event("destroyed", 0)
    for late in (
        event("members_removed", 1),
        event("attributes_changed", 1),
        event("profile_changed", 1, timed=False),
    ):
        assert fold_state([end, late]).status == "destroyed"


def test_version_tells_old_and_new():
    versions = list(
        fold_versions(
            [
                event("created", 0, name="A", owner="u1", operator="u1", event_id=1),
                event("members_added", 1, event_id=2),
                event("owner_changed", 2, owner="u2", operator="u1", platform="Web", event_id=3),
            ]
        )
    )

    assert [version.version for version in versions] == [1, 2]
    last = versions[-1]
    assert (last.event_id, last.operator, last.platform) == (3, "u1", "Web")
    assert last.changes == [Change("owner", "u1", "u2")]


ACTIONS = ["created", "profile_changed", "owner_changed", "destroyed", "members_removed", "full"]
HISTORIES = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.sampled_from(["", "A", "B", None]), st.booleans()),
    max_size=12,
)


@given(HISTORIES)
def test_state_is_what_the_versions_add_up_to(history):
    events = [
        event(action, second, name=name, timed=timed)
        for second, (action, name, timed) in enumerate(history)
    ]
    life, versions = fold_state(events), list(fold_versions(events))

    fields = {}
    for version in versions:
        for change in version.changes:
            if version.life == life.number:
                fields[change.field] = change.new
    assert fields == ({name: value.value for name, value in life.fields.items()} if life else {})
    assert [version.version for version in versions] == list(range(1, len(versions) + 1))
    numbers = [version.life for version in versions]
    assert numbers == sorted(numbers)
