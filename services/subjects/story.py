"""The story of a subject: its outline, followed once for everything on its page."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from operator import itemgetter
from typing import Any, NamedTuple

import sqlalchemy as sa

from services.subjects.events import AT, NEVER, PLACE, Span, Subject, fetch_outline
from services.subjects.lives import (
    TELLING,
    Change,
    Event,
    Life,
    Place,
    follow_lives,
)
from services.subjects.states import fetch_present_state


class ForeignEventError(Exception):
    """The event is not one of the subject."""


class Step(NamedTuple):
    """One event of a subject, and the difference it made.

    It begins like ``Event``, so ``AT`` and ``PLACE`` tell its time and place as well.

    Attributes:
        life: the number of the life it belongs to.
        version: its number among the versions, from 1 through all lives. None for an event that is
            not a version: its action reports no fields, and it changed none.
        changes: empty where the event repeats only known values.
    """

    event_id: int
    action: str
    occurred_at: datetime
    received_at: datetime
    life: int
    version: int | None = None
    changes: Sequence[Change] = ()


@dataclass(frozen=True)
class Standing:
    """The place of an instant among the versions of a subject.

    Attributes:
        version: the one at that instant, or 0 before the first.
        versions: how many there are.
        previous: when the state before that version began, if there was one.
        next: when the next version began, if there is one.
    """

    version: int
    versions: int
    previous: datetime | None
    next: datetime | None


@dataclass(frozen=True)
class Story:
    """The steps of a subject, and all its lives; there is at least one of each.

    Attributes:
        subject: with its app.
        lives: each as of its last event.
        starts: the places of the events that began the lives.
        changed: by field, as the API names it, the steps that changed it.
        then: the life at the requested instant, as of then; none before the first event. Without an
            instant, the last life.
    """

    subject: Subject
    steps: Sequence[Step]
    lives: Sequence[Life]
    starts: Sequence[Place]
    changed: Mapping[str, Sequence[Step]]
    then: Life | None

    @cached_property
    def versions(self) -> Sequence[Step]:
        """The steps that are versions."""
        return [step for step in self.steps if step.version is not None]

    @cached_property
    def steps_by_event(self) -> Mapping[int, Step]:
        """The steps, by the ID of their event."""
        return {step.event_id: step for step in self.steps}

    def find_life(self, at: datetime | None) -> Life:
        """Return the life of an instant; the last one without an instant, or before the first."""
        begun = 0 if at is None else bisect_right(self.starts, at, key=itemgetter(0))
        return self.lives[begun - 1]

    def find_step(self, event: Mapping[str, Any]) -> Step:
        """Return the step of an event row; an event outside the outline changed nothing."""
        event_id, at, received_at = event["id"], event["occurred_at"], event["received_at"]
        if step := self.steps_by_event.get(event_id):
            return step
        begun = bisect_right(self.starts, (at, received_at, event_id))
        return Step(event_id, event["action"], at, received_at, max(begun, 1))

    def find_span(self, life: Life, *, until: datetime | None = None) -> Span:
        """Return where a life begins, and the place before which it ends.

        It ends after its destruction, before the next life, or after an instant ``until``.
        """
        over = (NEVER if until is None else until, NEVER, 0)
        if life.destroyed_by is not None:
            at, received_at, event_id = PLACE(self.steps_by_event[life.destroyed_by])
            over = min(over, (at, received_at, event_id + 1))
        return self.starts[life.number - 1], min([over, *self.starts[life.number :][:1]])

    def list_changes(self, life: Life, field: str) -> Sequence[Step]:
        """Return the steps of a life, up to its end, that changed a field."""
        steps, span = self.changed.get(field, ()), self.find_span(life)
        first, behind = (bisect_left(steps, place, key=PLACE) for place in span)
        return steps[first:behind]

    def find_standing(self, at: datetime | None) -> Standing:
        """Return the place of an instant, or of the present, among the versions."""
        versions = self.versions
        number = len(versions) if at is None else bisect_right(versions, at, key=AT)
        before = bisect_left(versions, AT(versions[number - 1]), key=AT) if number else 0
        return Standing(
            version=number,
            versions=len(versions),
            previous=AT(versions[before - 1]) if before else None,
            next=AT(versions[number]) if number < len(versions) else None,
        )


def fetch_story(
    connection: sa.Connection, subject: Subject, *, at: datetime | None = None
) -> Story | None:
    """Return the story of a subject, with its state at an instant; none if it has no event.

    Raises:
        AmbiguousSubjectError: several apps have a subject with this ID.
    """
    present = fetch_present_state(connection, subject)
    if present is None:
        return None
    subject = replace(subject, sdk_app_id=present["sdk_app_id"])
    outline = fetch_outline(connection, subject)
    return tell(subject, outline, at=at) if outline else None


def tell(subject: Subject, outline: Sequence[Event], *, at: datetime | None = None) -> Story:
    """Follow the outline of a subject just once, as it may be long."""
    steps: list[Step] = []
    lives: list[Life] = []
    starts: list[Place] = []
    changed: dict[str, list[Step]] = defaultdict(list)
    known = len(outline) if at is None else bisect_right(outline, at, key=AT)
    then = None
    versions = 0
    for life, changes in follow_lives(outline):
        if life.number > len(lives):
            lives.append(life)
            starts.append(life.last_place)
        is_version = bool(changes) or life.last_action in TELLING
        versions += is_version
        event = (life.last_event_id, life.last_action, life.last_at, life.last_received_at)
        step = Step._make((*event, life.number, versions if is_version else None, changes))
        steps.append(step)
        for field, _, _ in changes:
            changed[field].append(step)
        if len(steps) == known:
            then = life.copy()
    return Story(subject, steps, lives, starts, changed, then)


def find_event(event_ids: Sequence[int], event_id: int) -> int:
    """Return the index of an event among others.

    Raises:
        ForeignEventError: it is not one of them.
    """
    try:
        return event_ids.index(event_id)
    except ValueError:
        raise ForeignEventError from None
