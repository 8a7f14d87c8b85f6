"""The timeline of a subject: its events, newest first, and its state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.reading.history import add_first_members, count_fitting, fetch_events_by_id
from services.reading.pages import Row
from services.subjects.events import Subject, read_events
from services.subjects.lives import FIELDS, OF_TOPICS, find_last_life
from services.subjects.states import describe_states
from services.subjects.versions import cut_page, follow_steps


@dataclass(frozen=True)
class Entry:
    """One event in the life of a subject, and the difference it made.

    Attributes:
        event: with the first of the ``members`` it names, and their ``member_count``.
    """

    event: Row
    life: int
    changes: Sequence[Mapping[str, Any]]

    @property
    def rest(self) -> Mapping[str, Any]:
        """The details of the event that are no field of the subject, by Tencent's names.

        Of a topic, all of them: it has a name and a type of its own.
        """
        details: dict[str, Any] = self.event["details"]
        if self.event["action"] in OF_TOPICS:
            return details | ({"Name": self.event["name"]} if self.event["name"] else {})
        return {name: value for name, value in details.items() if name not in FIELDS}


@dataclass(frozen=True)
class Timeline:
    """A page of entries, and a state.

    Attributes:
        subject: with its app.
        state: at an instant, or at present; none if the subject had no event by then.
        end: the event that ended the life of that state; none while it lives.
        lives: the number of lives.
        entries: newest first.
        next: the event after which the next page starts, if there is one.
    """

    subject: Subject
    state: Row | None
    end: int | None
    lives: int
    entries: Sequence[Entry]
    next: int | None


def fetch_timeline(
    connection: sa.Connection,
    subject: Subject,
    *,
    at: datetime | None,
    after: int | None,
    limit: int,
    members: int,
) -> Timeline | None:
    """Return a page of the timeline of a subject, and its state; none if it has no event.

    The state is that at an instant, or at present. The page before ended with the event ``after``;
    this one has ``limit`` entries at most, and is cut to fit. Of each event, so many ``members``
    are shown at most.

    Raises:
        AmbiguousSubjectError: several apps have a subject of this ID.
        ForeignEventError: ``after`` is no event of it.
    """
    steps, last = follow_steps(read_events(connection, subject))
    if last is None:
        return None
    asked, has_more = cut_page(steps[::-1], after=after, limit=limit)
    page = asked[: count_fitting(connection, [step.event_id for step in asked])]
    life = last if at is None else find_last_life(read_events(connection, subject, until=at))
    lives = [] if life is None else [(subject.id, life)]
    states = describe_states(connection, subject.type, lives)
    events = fetch_events_by_id(connection, [step.event_id for step in page])
    add_first_members(connection, [*events.values()], members)
    return Timeline(
        subject=replace(subject, sdk_app_id=last.sdk_app_id),
        state=states[0] if states else None,
        end=None if life is None else life.destroyed_by,
        lives=last.number,
        entries=[Entry(events[one.event_id], one.life, one.describe_changes()) for one in page],
        next=page[-1].event_id if has_more or len(page) < len(asked) else None,
    )
