"""A summary of one life of a subject: its names, its beginning and its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from services.reading.history import fetch_moments
from services.reading.pages import Row
from services.subjects.events import fetch_last
from services.subjects.lives import Life
from services.subjects.story import Step, Story


@dataclass(frozen=True)
class Dossier:
    """One life as it is known today.

    Attributes:
        former_names: each with the time until which it was last used, newest first.
        created: the event that began it; none where that was never seen.
        ended: the event that ended it; none while it lives.
        last: its last event.
    """

    life: Life
    former_names: Sequence[tuple[str, datetime]]
    created: Row | None
    ended: Row | None
    last: Row


def fetch_dossiers(connection: sa.Connection, story: Story, lives: Sequence[Life]) -> list[Dossier]:
    """Return the dossiers of some lives."""
    last = {life.number: find_last(connection, story, life) for life in lives}
    named = [one for life in lives for one in (life.created_by, life.destroyed_by)]
    moments = fetch_moments(connection, filter(None, [*named, *last.values()]))
    return [
        Dossier(
            life=life,
            former_names=list_former_names(story.list_changes(life, "name")),
            created=moments.get(life.created_by or 0),
            ended=moments.get(life.destroyed_by or 0),
            last=moments[last[life.number]],
        )
        for life in lives
    ]


def find_last(connection: sa.Connection, story: Story, life: Life) -> int:
    """Find the last event of a life, which the outline holds only for the last life."""
    after = story.starts[life.number :]
    if not after:
        return life.last_event_id
    return fetch_last(connection, story.subject, before=after[0]).id


def list_former_names(steps: Sequence[Step]) -> Sequence[tuple[str, datetime]]:
    """Return the names before the last, each with the time it was last given up, newest first."""
    until: dict[str, datetime] = {}
    present = None
    for step in reversed(steps):
        for field, old, new in step.changes:
            if field == "name":
                until.setdefault(old, step.occurred_at)
                present = new if present is None else present
    return [(name, at) for name, at in until.items() if name and name != present]
