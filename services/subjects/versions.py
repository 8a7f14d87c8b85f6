"""The versions of a subject, each with the difference to the one before."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from models.vocabulary import Action
from schemas.api.cursor import Position
from schemas.api.page import Order, PageQuery
from services.reading.pages import Page
from services.subjects.events import Subject, fetch_moments, read_events
from services.subjects.lives import Change, Event, Life, follow_lives

ALWAYS_VERSIONS = {
    Action.CREATED,
    Action.PROFILE_CHANGED,
    Action.OWNER_CHANGED,
    Action.DESTROYED,
}


class ForeignEventError(Exception):
    """The event is not one of the subject."""


class Step(NamedTuple):
    """One event of a subject, and the difference it made.

    Attributes:
        occurred_at: as ``Event`` has it.
        life: the number of the life it belongs to.
        version: its number among the versions, from 1 through all lives. None where it is no
            version: an event that is no change by its nature and changed no field.
        changes: empty where the event repeats only known values.
    """

    event_id: int
    occurred_at: datetime
    life: int
    action: str
    version: int | None
    changes: Sequence[Change]

    @property
    def at(self) -> datetime:
        """When it occurred."""
        at = self.occurred_at
        return at if at.tzinfo else at.replace(tzinfo=UTC)

    def describe_changes(self) -> list[Mapping[str, Any]]:
        """Return the changes as the API shows them."""
        return [dict(zip(("field", "old", "new"), one, strict=True)) for one in self.changes]


def fetch_versions(connection: sa.Connection, subject: Subject, query: PageQuery) -> Page | None:
    """Return a page of the versions of a subject; none if it has no event.

    Their numbers and differences follow from all events before, so all are read for each page.

    Raises:
        AmbiguousSubjectError: several apps have a subject of this ID.
        ForeignEventError: the cursor names an event that is no version of it.
    """
    steps, lives = follow_steps(read_events(connection, subject))
    if not lives:
        return None
    versions = [step for step in steps if step.version is not None]
    if query.filters["order"] is Order.DESC:
        versions.reverse()
    after = None if query.after is None else query.after.id
    page, has_more = cut_page(versions, after=after, limit=query.limit)
    moments = fetch_moments(connection, (step.event_id for step in page))
    items = [
        {**step._asdict(), **moments[step.event_id], "changes": step.describe_changes()}
        for step in page
    ]
    last = Position(items[-1]["occurred_at"], items[-1]["event_id"]) if has_more else None
    return Page(items, last)


def follow_steps(events: Iterable[Event]) -> tuple[list[Step], list[Life]]:
    """Return the step of each event, and all lives, each as it was after its last event."""
    steps: list[Step] = []
    lives: list[Life] = []
    versions = 0
    for life, changes in follow_lives(events):
        if life.number > len(lives):
            lives.append(life)
        is_version = bool(changes) or life.last_action in ALWAYS_VERSIONS
        versions += is_version
        version = versions if is_version else None
        event_id, at = life.last_event_id, life.last_at
        steps.append(Step(event_id, at, life.number, life.last_action, version, changes))
    return steps, lives


def cut_page(
    steps: Sequence[Step], *, after: int | None, limit: int
) -> tuple[Sequence[Step], bool]:
    """Return the steps of one page, and whether more follow.

    The page before ended with the event ``after``; there is none before the first.

    Raises:
        ForeignEventError: no step has the event ``after``.
    """
    start = 0 if after is None else find_event([step.event_id for step in steps], after) + 1
    return steps[start : start + limit], len(steps) > start + limit


def find_event(event_ids: Sequence[int], event_id: int) -> int:
    """Return the place of an event among others.

    Raises:
        ForeignEventError: it is none of them.
    """
    try:
        return event_ids.index(event_id)
    except ValueError:
        raise ForeignEventError from None
