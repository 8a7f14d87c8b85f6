"""The effect of an event, found from a few earlier ones, without a database."""

from random import Random

import pytest

from services.subjects.effects import Past, cut_past, find_effect
from services.subjects.events import PLACE
from services.subjects.lives import TELLING, TYPE, follow_lives
from tests.services.subjects.test_lives import event

ACTIONS = sorted(TELLING)
HISTORIES = 5_000
LATER = 1_000_000  # a second after all others


def happen(chance):
    """Events at about the same time, and the event in question, which comes after them."""
    at, events = 0, []
    for _ in range(chance.randint(1, 9)):
        at += chance.choice([0, 1, 4, 6, 9, 60])
        action, timed = chance.choice([*ACTIONS, "profile_changed"]), chance.random() < 0.8
        said = {"name": chance.choice([None, "A", "B"])}
        said["Introduction"] = chance.choice([None, "x", "y"])
        events.append(event(action, at=at, timed=timed, **said))
    *before, last = sorted(events, key=PLACE)
    if chance.random() < 0.4:
        silent = event(chance.choice(["members_added", "members_removed"]), at=LATER)
        return [*before, last], silent
    return before, last


def find_newest(chance, before, last):
    """The newest events of each action."""
    most = chance.randint(1, 4)
    found = ([one for one in before if one.action == action][-most:] for action in ACTIONS)
    return cut_past(last, [*found], most)


def find_end(chance, before, _):
    """The last events, without some of the first instant."""
    known = before[chance.randint(0, len(before)) :]
    first = known[0].occurred_at if known else None
    some = [one for one in known if one.occurred_at != first or chance.random() < 0.7]
    return Past(some, is_whole=False)


@pytest.mark.parametrize("find", [find_newest, find_end])
def test_few_events_tell_what_all_of_them_do_or_nothing(find):
    found = []
    for seed in range(HISTORIES):
        chance = Random(seed)
        before, last = happen(chance)
        past = find(chance, before, last)
        effect = find_effect(past, last)
        *_, (life, changes) = follow_lives([*before, last])
        told = [one for one in changes if one[0] != TYPE]
        assert effect in (None, (life.value("name"), told)), seed
        assert effect or not past.is_whole
        found.append(effect is not None)

    assert sum(found) > HISTORIES / 4
