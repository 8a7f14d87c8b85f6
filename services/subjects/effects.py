"""The effect of one event, found from a few earlier ones, however many there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from models.vocabulary import Action
from services.subjects.events import PLACE
from services.subjects.lives import (
    GRACE,
    PROOFS_OF_LIFE,
    TYPE,
    Change,
    Event,
    follow_lives,
)


@dataclass(frozen=True)
class Past:
    """The events before another one that report fields, as far back as they were read.

    Attributes:
        events: in order. Some that share the instant of the first may be missing.
        is_whole: whether there are none before them.
    """

    events: Sequence[Event]
    is_whole: bool


class Effect(NamedTuple):
    """The effect of an event: the name of its subject after it, and the fields it changed.

    The type of a group is not one of these: any event may tell it first.
    """

    name: Any
    changes: Sequence[Change]


def cut_past(event: Event, found: Sequence[Sequence[Event]], most: int) -> Past:
    """Return the past of an event back to where something may be missing.

    Args:
        event: may itself be among those that were found.
        found: of each action that reports fields, the newest events up to that instant.
        most: how many were asked for; if fewer were found, these are all.
    """
    ends = (min(one.occurred_at for one in some) for some in found if len(some) == most)
    since = max(ends, default=None)
    known = [one for of_action in found for one in of_action if PLACE(one) < PLACE(event)]
    events = [one for one in known if since is None or one.occurred_at >= since]
    return Past(sorted(events, key=PLACE), since is None)


def find_effect(past: Past, event: Event) -> Effect | None:
    """Find the effect of an event; none if more of its past has to be read."""
    events = [*past.events, event]
    begun = find_beginning(past, event)
    first = find_living(events) if begun is None else begun
    if first is None:
        return None
    *_, (life, changes) = follow_lives(events[first:])
    told = [one for one in changes if one[0] != TYPE]
    if begun is None and life.number == 1:
        is_known = "name" in life.fields and all(old is not None for _, old, _ in told)
        if not is_known or any(one.action == Action.CREATED for one in events[first + 1 :]):
            return None
    return Effect(life.value("name"), told)


def find_beginning(past: Past, event: Event) -> int | None:
    """Find the last event that certainly begins a life, whatever came before these events."""
    events = [*past.events, event]
    since = None if past.is_whole else events[0].occurred_at
    for number, (before, one) in reversed([*enumerate(pairwise(events), 1)]):
        if (since is None or before.occurred_at > since) and begins_life(before, one):
            return number
    return 0 if past.is_whole else None


def begins_life(before: Event, event: Event) -> bool:
    """Tell whether an event certainly begins a life, given the one before it."""
    is_later = event.occurred_at - before.occurred_at > GRACE
    if event.action == Action.CREATED:
        return before.action == Action.DESTROYED or (before.action == Action.CREATED and is_later)
    is_proof = event.is_timed and event.action in PROOFS_OF_LIFE
    return before.action == Action.DESTROYED and is_proof and is_later


def find_living(events: Sequence[Event]) -> int | None:
    """Find the first event whose subject is certainly alive.

    It is later than the instant of which some events may be missing.
    """
    since = first = events[0].occurred_at
    for number, event in enumerate(events):
        if event.action == Action.DESTROYED:
            since = event.occurred_at
        is_proof = event.is_timed and event.action in PROOFS_OF_LIFE
        is_created = event.action == Action.CREATED and event.occurred_at > first
        if is_created or (is_proof and event.occurred_at - since > GRACE):
            return number
    return None
