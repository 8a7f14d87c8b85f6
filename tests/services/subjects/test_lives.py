"""Folding events, without a database."""

import json
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vocabulary import Action, SubjectType
from services.subjects.events import Subject
from services.subjects.lives import Event, find_last_life, follow_lives
from services.subjects.story import tell
from tests.conftest import NOW

IDS = count(1)


def event(action, *, timed=True, event_id=None, at=None, name=None, owner=None, **details):
    """An event; other keyword arguments are details, by Tencent's names.

    Args:
        at: its second; by default, a minute after the previous event.
    """
    number = next(IDS)
    occurred_at = NOW + timedelta(seconds=number * 60 if at is None else at)
    details = json.dumps(details)
    event_id = event_id or number
    return Event(event_id, action, occurred_at, occurred_at, timed, name, owner, details, "1")


def story_of(events, at=None):
    return tell(Subject(SubjectType.GROUP, "a"), [*events], at=at)


def versions_of(events):
    return story_of(events).versions


def lives(*events):
    return [(version.life, version.action) for version in versions_of(events)]


def last_life(*events):
    return find_last_life(events)


def fields(life):
    """Every field by its name in the API: its value, and the event that set it."""
    return {name: (one.value, one.event_id) for name, one in life.fields.items()}


def test_unknown_unchanged_and_cleared_are_three_things():
    life = last_life(
        event("created", name="A", event_id=1),
        event("profile_changed", Introduction="x", Notification="y", event_id=2),
        event("profile_changed", Introduction="", FaceUrl=None, event_id=3),
    )

    assert fields(life) == {
        "name": ("A", 1),
        "notification": ("y", 2),
        "introduction": ("", 3),
    }


def test_field_that_is_said_again_is_as_old_as_before():
    life = last_life(
        event("created", event_id=1, name="A"), event("destroyed", event_id=9, name="A")
    )

    assert fields(life)["name"] == ("A", 1)
    assert (life.status, life.created_by, life.destroyed_by) == ("destroyed", 1, 9)


@pytest.mark.parametrize("action", ["profile_changed", "destroyed", "members_added", "full"])
def test_subject_may_be_first_seen_by_anything(action):
    life = last_life(event(action, name="A", Type="Public"))

    assert (life.number, life.created_by) == (1, None)
    assert {name: value for name, (value, _) in fields(life).items()} == {
        "name": "A",
        "group_type": "Public",
    }


def test_topic_says_nothing_of_its_community_but_the_type():
    life = last_life(event("topic_created", name="T", owner="u", Type="Community"))

    assert list(fields(life)) == ["group_type"]


def test_what_reports_no_fields_by_its_nature_tells_a_type_that_is_unknown():
    begun = event("owner_changed", owner="ann")
    joined = [event("members_added", Type=one, Name="x", event_id=ord(one)) for one in "AB"]
    again = [event("destroyed"), event("members_added", Type="C", event_id=7)]

    assert fields(last_life(*joined)) == {"group_type": ("A", 65)}
    assert fields(last_life(begun, *joined))["group_type"] == ("A", 65)
    assert "name" not in fields(last_life(begun, *joined))
    assert fields(last_life(*joined, *again)) == {"group_type": ("C", 7)}


def test_id_that_is_used_again_has_another_life_that_knows_nothing_of_the_first():
    events = [
        event("created", name="A", Introduction="x"),
        event("destroyed", name="A"),
        event("created", name="A"),
    ]

    *_, last = versions_of(events)

    assert (last.version, last.life, last.changes) == (3, 2, [("name", None, "A")])


def test_creation_after_another_begins_a_life_though_no_end_was_seen():
    assert lives(event("created"), event("created")) == [(1, "created"), (2, "created")]


def test_creation_that_follows_its_first_changes_belongs_to_the_same_life():
    events = [event("members_added"), event("created", event_id=7), event("destroyed")]

    assert lives(*events) == [(1, "created"), (1, "destroyed")]
    assert last_life(*events).created_by == 7


@pytest.mark.parametrize("seconds", [0.003, 5])
def test_creation_that_is_told_again_begins_no_other_life(seconds):
    events = [event("created", at=0, event_id=7), event("created", at=seconds)]

    assert lives(*events) == [(1, "created"), (1, "created")]
    assert last_life(*events).created_by == 7


@pytest.mark.parametrize("seconds", [0, 0.003, 5])
@pytest.mark.parametrize("action", [one for one in Action if one != "created"])
def test_what_is_stamped_a_moment_after_the_end_belongs_to_the_life_that_ended(action, seconds):
    events = [event("created", at=-9), event("destroyed", at=0), event(action, at=seconds)]

    assert (last_life(*events).number, last_life(*events).status) == (1, "destroyed")


def test_creation_a_moment_after_the_end_begins_another_life():
    events = [event("created", at=-9), event("destroyed", at=0), event("created", at=0.003)]

    assert lives(*events)[-1] == (2, "created")


@pytest.mark.parametrize("seconds", [0.003, 60, 10**6])
def test_end_that_is_told_twice_is_one_end(seconds):
    events = [event("created", at=-9), event("destroyed", at=0, event_id=7)]
    again = event("destroyed", at=seconds)

    assert lives(*events, again) == [(1, "created"), (1, "destroyed"), (1, "destroyed")]
    assert last_life(*events, again).destroyed_by == 7


def test_end_after_a_proof_of_life_is_another_end():
    events = [event("destroyed", at=0), event("full", at=6), event("destroyed", at=60)]

    assert lives(*events) == [(1, "destroyed"), (2, "destroyed")]


@pytest.mark.parametrize("action", ["profile_changed", "owner_changed", "full", "members_added"])
def test_what_only_a_living_subject_can_do_proves_another_life(action):
    assert last_life(event("destroyed"), event(action)).number == 2


def test_last_that_is_heard_of_an_end_raises_nobody_from_the_dead():
    end = event("destroyed")
    for late in (
        event("members_removed"),
        event("attributes_changed"),
        event("profile_changed", timed=False),
    ):
        assert last_life(end, late).status == "destroyed"


def test_version_tells_old_and_new():
    versions = versions_of(
        [
            event("created", name="A", owner="u1", event_id=1),
            event("members_added", event_id=2),
            event("owner_changed", owner="u2", event_id=3),
        ]
    )

    assert [version.version for version in versions] == [1, 2]
    last = versions[-1]
    assert last.event_id == 3
    assert last.changes == [("owner", "u1", "u2")]


ACTIONS = ["created", "profile_changed", "owner_changed", "destroyed", "members_removed", "full"]
HISTORIES = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.sampled_from(["", "A", "B", None]), st.booleans()),
    max_size=12,
)


@given(HISTORIES)
def test_state_is_what_the_versions_add_up_to(history):
    events = [event(action, name=name, timed=timed) for action, name, timed in history]
    lives = {life.number: life for life, _ in follow_lives(events)}
    versions = versions_of(events)

    for life in lives.values():
        last_changes = {
            field: (new, version.event_id)
            for version in versions
            for field, _, new in version.changes
            if version.life == life.number
        }
        assert last_changes == fields(life)
    assert [version.version for version in versions] == list(range(1, len(versions) + 1))
    assert [life.last_event_id for life, _ in follow_lives(events)] == [one.id for one in events]
