"""The story of a subject, without a database."""

from datetime import UTC, timedelta

from hypothesis import given
from hypothesis import strategies as st

from models.vocabulary import SubjectType
from services.subjects.dossier import list_former_names
from services.subjects.events import Subject
from services.subjects.lives import find_last_life
from services.subjects.members import find_members
from services.subjects.story import Story
from services.subjects.timeline import PARTS, count_parts, find_parts
from services.subjects.versions import follow_steps
from tests.conftest import NOW
from tests.services.subjects.test_lives import HISTORIES, event


def story_of(events):
    steps, lives = follow_steps(events)
    return Story(Subject(SubjectType.GROUP, "a"), steps, lives)


@given(HISTORIES.filter(bool), st.data())
def test_state_of_an_instant_is_that_after_the_events_up_to_it(history, data):
    instants = sorted(data.draw(st.lists(st.integers(0, 20), min_size=12, max_size=12)))
    events = [
        event(action, name=name, timed=timed, at=at)
        for (action, name, timed), at in zip(history, instants, strict=False)
    ]
    story = story_of(events)

    for second in range(-1, 22):
        at = NOW + timedelta(seconds=second)
        past = [one for one in events if one.occurred_at <= at]
        assert story.find_state(at) == find_last_life(past)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=9).map(sorted))
def test_steps_lead_through_every_instant_and_back(instants):
    story = story_of(
        event("profile_changed", name=str(number), at=at) for number, at in enumerate(instants)
    )
    forward, place = [], story.find_place(NOW - timedelta(days=1))
    while place.next and len(forward) < len(instants):
        forward.append(place.next)
        place = story.find_place(place.next)
    backward, place = [forward[-1]], story.find_place(None)
    while place.previous and len(backward) < len(instants):
        backward.append(place.previous)
        place = story.find_place(place.previous)

    assert forward == [NOW + timedelta(seconds=at) for at in sorted({*instants})]
    assert backward == forward[::-1]
    assert story.find_place(None).version == len(instants)


def test_instants_of_a_driver_without_zones_are_in_utc():
    naive = event("created", at=0)
    steps, _ = follow_steps([naive._replace(occurred_at=naive.occurred_at.replace(tzinfo=None))])

    assert steps[0].at == NOW
    assert steps[0].at.tzinfo is UTC


def test_steps_of_a_life_end_with_it():
    story = story_of(
        [
            event("created", at=0, event_id=1),
            event("destroyed", at=60, event_id=2),
            event("members_removed", at=61, event_id=3),
            event("created", at=120, event_id=4),
        ]
    )

    ids = [[step.event_id for step in story.list_steps(life)] for life in story.lives]
    assert ids == [[1, 2], [4]]
    until = NOW + timedelta(seconds=59)
    assert [step.event_id for step in story.list_steps(story.lives[0], until=until)] == [1]


def test_member_is_one_whom_no_exit_named_last():
    steps, _ = follow_steps(
        [
            event("created", event_id=1),
            event("members_added", event_id=2),
            event("members_removed", event_id=3),
            event("members_added", event_id=4),
        ]
    )
    mentions = [("ann", 1), ("bob", 2), ("bob", 3), ("cy", 3), ("cy", 4), ("dan", 99), ("␛000a", 4)]

    assert [*find_members(mentions, steps)] == ["ann", "cy", "\n"]


def test_former_name_is_told_once_with_its_last_time():
    names = ["A", "B", "A", "", "C"]
    steps, _ = follow_steps(
        event("profile_changed", name=name, at=at) for at, name in enumerate(names)
    )

    former = list_former_names(steps)

    assert list(former) == ["A", "B"]
    assert former["A"] == NOW + timedelta(seconds=3)


def test_parts_of_a_timeline_are_counted_by_what_a_step_did():
    parted = [
        find_parts("created", "name", "owner"),
        find_parts("owner_changed"),
        find_parts("members_added", "group_type"),
        find_parts("an action of a newer release"),
    ]

    assert count_parts(parted) == dict(zip(PARTS, (4, 1, 2, 1), strict=True))
