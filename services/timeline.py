"""Tell the lives of a subject, step by step, the newest first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from services.history import fetch_events_by_id
from services.lives import Life, split_lives
from services.pages import Row
from services.profile import Change, find_changes
from services.subject_events import Subject, fetch_events


@dataclass(frozen=True)
class Step:
    """One event in the life of a subject, and what it changed."""

    event: Row
    life: Life
    changes: Sequence[Change]


@dataclass(frozen=True)
class Timeline:
    """A page of steps.

    Attributes:
        subject: with the app it belongs to.
        lives: all of them by number.
        steps: newest first.
        next: the event after which the next page starts, if there is one.
    """

    subject: Subject
    lives: Mapping[int, Life]
    steps: Sequence[Step]
    next: int | None


class ForeignEventError(Exception):
    """The event is not one of the subject."""


def fetch_timeline(
    session: Session, subject: Subject, *, after: int | None, limit: int
) -> Timeline | None:
    """Fetch the steps that come before an event in time, or the newest ones.

    Returns:
        None if nothing has been heard of the subject.

    Raises:
        AmbiguousSubjectError: it may be one of several apps.
        ForeignEventError: ``after`` is no event of it.
    """
    subject, events = fetch_events(session, subject)
    if not events:
        return None
    lives = split_lives(events)
    steps = [
        (event.id, life, changes) for life in lives for event, changes in find_changes(life.events)
    ]
    steps.reverse()
    start = 0
    if after is not None:
        places = {event_id: place for place, (event_id, *_) in enumerate(steps, 1)}
        if after not in places:
            raise ForeignEventError
        start = places[after]
    page = steps[start : start + limit]
    rows = fetch_events_by_id(session, [event_id for event_id, *_ in page])
    return Timeline(
        subject,
        {life.number: life for life in lives},
        [Step(rows[event_id], life, changes) for event_id, life, changes in page],
        page[-1][0] if len(steps) > start + limit else None,
    )
