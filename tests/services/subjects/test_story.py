"""The story of a subject, without a database."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.subjects.dossier import list_former_names
from services.subjects.lives import find_last_life
from services.subjects.members import find_members
from tests.conftest import NOW
from tests.services.subjects.test_lives import HISTORIES, event, story_of


@given(HISTORIES.filter(bool), st.data())
def test_state_of_an_instant_is_that_after_the_events_up_to_it(history, data):
    instants = sorted(data.draw(st.lists(st.integers(0, 20), min_size=12, max_size=12)))
    events = [
        event(action, name=name, timed=timed, at=at)
        for (action, name, timed), at in zip(history, instants, strict=False)
    ]

    for second in range(-1, 22):
        at = NOW + timedelta(seconds=second)
        past = [one for one in events if one.occurred_at <= at]
        assert story_of(events, at=at).then == find_last_life(past)
    assert story_of(events).then == story_of(events).lives[-1]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=9).map(sorted))
def test_steps_lead_through_every_instant_and_back(instants):
    story = story_of(
        event("profile_changed", name=str(number), at=at) for number, at in enumerate(instants)
    )
    forward, standing = [], story.find_standing(NOW - timedelta(days=1))
    while standing.next and len(forward) < len(instants):
        forward.append(standing.next)
        standing = story.find_standing(standing.next)
    backward, standing = [forward[-1]], story.find_standing(None)
    while standing.previous and len(backward) < len(instants):
        backward.append(standing.previous)
        standing = story.find_standing(standing.previous)

    assert forward == [NOW + timedelta(seconds=at) for at in sorted({*instants})]
    assert backward == forward[::-1]
    assert story.find_standing(None).version == len(instants)


def test_changes_of_a_life_end_with_it():
    story = story_of(
        [
            event("created", name="A", at=0, event_id=1),
            event("profile_changed", Introduction="x", at=30, event_id=2),
            event("destroyed", name="B", at=60, event_id=3),
            event("profile_changed", name="C", at=61, event_id=4),
            event("created", name="D", at=120, event_id=5),
        ]
    )

    names = [story.list_changes(life, "name") for life in story.lives]
    assert [[step.event_id for step in some] for some in names] == [[1, 3], [5]]


def test_life_is_over_after_its_end_or_an_instant_or_before_the_next():
    made = [event(action, at=at) for at, action in enumerate(["created", "destroyed", "created"])]
    story = story_of(made)
    ended, last = story.lives
    at = [(one.occurred_at, one.received_at, one.id) for one in made]

    begun, over = story.find_span(ended)
    assert begun == at[0]
    assert at[1] < over < at[2]
    assert story.find_span(ended, until=NOW)[1] < at[1]
    assert story.find_span(last)[0] == at[2] < story.find_span(last)[1]


def test_member_is_one_whom_no_exit_named_last():
    joined, left = "members_added", "members_removed"
    mentions = [("ann", "created"), ("bob", joined), ("bob", left), ("cy", left), ("cy", joined)]

    assert [*find_members([*mentions, ("␛000a", joined)])] == ["ann", "cy", "\n"]


def test_former_name_is_told_once_with_its_last_time():
    names = ["A", "B", "A", "", "C"]
    story = story_of(event("profile_changed", name=name, at=at) for at, name in enumerate(names))

    assert list_former_names(story.steps) == [
        ("A", NOW + timedelta(seconds=3)),
        ("B", NOW + timedelta(seconds=2)),
    ]
