"""Tell the lives of a subject, step by step, the newest first; and what it was in one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from services.history import fetch_events_by_id
from services.lives import Life, follow_lives
from services.members import add_first_members
from services.pages import Row
from services.profile import FIELDS, OF_TOPICS, Change, PlainChange
from services.states import State, describe_states
from services.subject_events import Subject, count_events, find_index, read_events


class Place(NamedTuple):
    """Where an event stands in the lives of a subject, and what it changed."""

    event_id: int
    life: int
    changes: Sequence[PlainChange]


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
    places, life, state = follow(session, subject, at)
    if life is None:
        return None
    end = len(places) if after is None else find_index([place.event_id for place in places], after)
    page = places[max(end - limit, 0) : end]
    return Timeline(
        subject=Subject(subject.type, subject.id, life.sdk_app_id),
        state=None if state is None else describe_states(session, [state])[0],
        end=None if state is None else state.destroyed_by,
        lives=life.number,
        steps=fetch_steps(session, page, members),
        next=page[0].event_id if end > limit else None,
    )


def follow(
    session: Session, subject: Subject, at: datetime | None
) -> tuple[list[Place], Life | None, State | None]:
    """Follow a subject to the end; give its events, its last life, and its state at an instant."""
    known = None if at is None else count_events(session, subject, until=at)
    places: list[Place] = []
    life = state = None
    for life, changes in follow_lives(read_events(session, subject)):
        places.append(Place(life.last_event_id, life.number, changes))
        if len(places) == known:
            state = State.of(subject, life)
    if known is None and life is not None:
        state = State.of(subject, life)
    return places, life, state


def fetch_steps(session: Session, page: Sequence[Place], members: int) -> Sequence[Step]:
    """Fetch what else is to be told of some events, and turn them around."""
    rows = fetch_events_by_id(session, [place.event_id for place in page])
    add_first_members(session, [*rows.values()], members)
    return [
        Step(rows[place.event_id], place.life, [*map(Change._make, place.changes)])
        for place in reversed(page)
    ]
