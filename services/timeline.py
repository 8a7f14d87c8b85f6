"""Tell the lives of a subject, step by step, the newest first; and what it was in one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from services.history import add_first_members, fetch_events_by_id
from services.lives import split_lives
from services.pages import Row
from services.profile import FIELDS, OF_TOPICS, Change, find_changes
from services.states import State, describe_states
from services.subject_events import Subject, count_events, fetch_events


@dataclass(frozen=True)
class Step:
    """One event in the life of a subject, and what it changed.

    Attributes:
        event: with the first of the ``members`` it names, and their ``member_count``.
    """

    event: Row
    life: int
    changes: Sequence[Change]

    @property
    def rest(self) -> Mapping[str, Any]:
        """What else the event says, by Tencent's names; of a topic, all of it."""
        details: dict[str, Any] = self.event["details"]
        if self.event["action"] in OF_TOPICS:
            return details | ({"Name": self.event["name"]} if self.event["name"] else {})
        return {name: value for name, value in details.items() if name not in FIELDS}


@dataclass(frozen=True)
class Timeline:
    """A page of steps, and a state.

    Attributes:
        subject: with the app it belongs to.
        state: what it was at an instant, or is; none if nothing had been heard of it by then.
        end: the event that ended the life of that state, if one has.
        lives: how many there are.
        steps: newest first.
        next: the event after which the next page starts, if there is one.
    """

    subject: Subject
    state: Row | None
    end: int | None
    lives: int
    steps: Sequence[Step]
    next: int | None


class ForeignEventError(Exception):
    """The event is not one of the subject."""


def fetch_timeline(
    session: Session,
    subject: Subject,
    *,
    at: datetime | None,
    after: int | None,
    limit: int,
    members: int,
) -> Timeline | None:
    """Fetch a page of steps, and the state at an instant.

    All follow from the events of the subject, which are read once.

    Args:
        session: any session that may read.
        subject: whose lives.
        at: the instant of the state, timezone-aware; none for all events.
        after: the event that the page before ended with, or none for the newest.
        limit: steps of the page.
        members: how many users of each event to tell.

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
    until = lives if at is None else split_lives(events[: count_events(session, subject, until=at)])
    state = State.of(subject, until[-1]) if until else None
    steps = [
        (event.id, life.number, changes)
        for life in lives
        for event, changes in find_changes(life.events)
    ]
    end = len(steps) if after is None else find_place(steps, after)
    page = steps[max(end - limit, 0) : end]
    rows = fetch_events_by_id(session, [event_id for event_id, *_ in page])
    add_first_members(session, [*rows.values()], members)
    return Timeline(
        subject,
        None if state is None else describe_states(session, [state])[0],
        None if state is None else state.destroyed_by,
        len(lives),
        [Step(rows[event_id], life, changes) for event_id, life, changes in reversed(page)],
        page[0][0] if page and end > limit else None,
    )


def find_place(steps: Sequence[tuple[int, int, Sequence[Change]]], event_id: int) -> int:
    """Find where an event stands.

    Raises:
        ForeignEventError: nowhere.
    """
    for place, (known, *_) in enumerate(steps):
        if known == event_id:
            return place
    raise ForeignEventError
