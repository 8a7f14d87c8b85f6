"""Tell the lives of a subject, step by step, the newest first; and what it was in one of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from services.history import fetch_events_by_id
from services.lives import Life, split_lives
from services.members import add_first_members
from services.pages import Row
from services.profile import FIELDS, OF_TOPICS, Change, find_changes
from services.states import State, describe_states
from services.subject_events import Subject, count_events, fetch_events, find_index


class Place(NamedTuple):
    """Where an event stands in the lives of a subject, and what it changed."""

    event_id: int
    life: int
    changes: Sequence[Change]


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


def fetch_timeline(
    session: Session,
    subject: Subject,
    *,
    at: datetime | None,
    after: int | None,
    limit: int,
    members: int,
) -> Timeline | None:
    """Fetch a page of steps and the state at an instant, from one reading of all events.

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
    known = lives if at is None else split_lives(events[: count_events(session, subject, until=at)])
    places = [place for life in lives for place in find_places(life)]
    end = len(places) if after is None else find_index([place.event_id for place in places], after)
    page = places[max(end - limit, 0) : end]
    steps = fetch_steps(session, page, members)
    following = page[0].event_id if end > limit else None
    return Timeline(subject, *tell_state(session, subject, known), len(lives), steps, following)


def tell_state(
    session: Session, subject: Subject, lives: Sequence[Life]
) -> tuple[Row | None, int | None]:
    """Tell what a subject was in the last of some lives, and which event ended that."""
    if not lives:
        return None, None
    state = State.of(subject, lives[-1])
    return describe_states(session, [state])[0], state.destroyed_by


def find_places(life: Life) -> Iterator[Place]:
    """Give the events of a life, in order, with what they changed."""
    for event, changes in find_changes(life.events):
        yield Place(event.id, life.number, changes)


def fetch_steps(session: Session, page: Sequence[Place], members: int) -> Sequence[Step]:
    """Fetch what else is to be told of some events, and turn them around."""
    rows = fetch_events_by_id(session, [place.event_id for place in page])
    add_first_members(session, [*rows.values()], members)
    return [Step(rows[place.event_id], place.life, place.changes) for place in reversed(page)]
