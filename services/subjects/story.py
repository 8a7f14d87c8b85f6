"""The story of a subject: its events, followed once for all that a page tells of them."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from operator import attrgetter

import sqlalchemy as sa

from services.subjects.events import Subject, read_events
from services.subjects.lives import FIELDS, Life
from services.subjects.versions import Step, follow_steps

AT = attrgetter("at")
WIRE_NAMES = {field: name for name, field in FIELDS.items()}


@dataclass(frozen=True)
class Place:
    """Where an instant stands among the versions of a subject.

    Attributes:
        version: the one of that instant, or 0 before the first.
        versions: how many there are.
        previous: when the state before that version began, if there was one.
        next: when the version after it came, if one did.
    """

    version: int
    versions: int
    previous: datetime | None
    next: datetime | None


@dataclass(frozen=True)
class Story:
    """All steps and lives of a subject, in order; there is at least one of each.

    Attributes:
        subject: with its app.
    """

    subject: Subject
    steps: Sequence[Step]
    lives: Sequence[Life]

    @cached_property
    def versions(self) -> Sequence[Step]:
        """The steps that are versions."""
        return [step for step in self.steps if step.version is not None]

    def find_life(self, at: datetime | None) -> Life:
        """Return the life of an instant; the last one without an instant, or before the first."""
        count = len(self.steps) if at is None else bisect_right(self.steps, at, key=AT)
        return self.lives[self.steps[count - 1].life - 1]

    def find_place(self, at: datetime | None) -> Place:
        """Return the place of an instant, or of the present, among the versions."""
        versions = self.versions
        number = len(versions) if at is None else bisect_right(versions, at, key=AT)
        before = bisect_left(versions, versions[number - 1].at, key=AT) if number else 0
        return Place(
            version=number,
            versions=len(versions),
            previous=versions[before - 1].at if before else None,
            next=versions[number].at if number < len(versions) else None,
        )

    def find_state(self, at: datetime) -> Life | None:
        """Return the life of an instant as it was then; none before the first event."""
        past = self.steps[: bisect_right(self.steps, at, key=AT)]
        if not past:
            return None
        life = self.lives[past[-1].life - 1]
        past = [step for step in past if step.life == life.number]
        seen = {step.event_id for step in past}
        last = past[-1]
        then = Life(life.number, life.sdk_app_id, last.occurred_at, last.event_id, last.action)
        if life.created_by in seen:
            then.created_by, then.created_at = life.created_by, life.created_at
        if life.destroyed_by in seen:
            then.destroyed_by, then.destroyed_at = life.destroyed_by, life.destroyed_at
        for step in past:
            then.values |= {WIRE_NAMES[field]: new for field, _, new in step.changes}
            then.set_by |= {WIRE_NAMES[field]: step.event_id for field, _, _ in step.changes}
        return then

    def list_steps(self, life: Life, *, until: datetime | None = None) -> Sequence[Step]:
        """Return the steps of a life up to its end, or to an instant before."""
        steps = [step for step in self.steps if step.life == life.number]
        ids = [step.event_id for step in steps]
        count = len(ids) if life.destroyed_by is None else ids.index(life.destroyed_by) + 1
        return steps[: count if until is None else min(count, bisect_right(steps, until, key=AT))]


def fetch_story(connection: sa.Connection, subject: Subject) -> Story | None:
    """Return the story of a subject; none if it has no event.

    Raises:
        AmbiguousSubjectError: several apps have a subject of this ID.
    """
    steps, lives = follow_steps(read_events(connection, subject))
    if not lives:
        return None
    return Story(replace(subject, sdk_app_id=lives[-1].sdk_app_id), steps, lives)
