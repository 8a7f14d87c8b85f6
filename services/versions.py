"""Number the steps in the life of a subject, each with what it changed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from models.vocabulary import Action
from services.event import Event
from services.lives import follow_lives
from services.moments import fetch_moments
from services.pages import Row
from services.profile import Change, PlainChange

ALWAYS_VERSIONS = {
    Action.CREATED,
    Action.PROFILE_CHANGED,
    Action.OWNER_CHANGED,
    Action.DESTROYED,
}


@dataclass(frozen=True)
class Version:
    """A subject after one event, compared with before.

    Attributes:
        version: from 1, through all lives.
        life: the number of the life.
        changes: empty where an event says only what was known.
    """

    version: int
    life: int
    event_id: int
    action: str
    changes: Sequence[PlainChange]


def find_versions(events: Iterable[Event]) -> Iterator[Version]:
    """Give a version for every step of the lifecycle, and for all else that changes a field.

    Args:
        events: in order, as ``follow_lives`` takes them.
    """
    number = 0
    for life, changes in follow_lives(events):
        if changes or life.last_action in ALWAYS_VERSIONS:
            number += 1
            yield Version(number, life.number, life.last_event_id, life.last_action, changes)


def describe_versions(session: Session, versions: Sequence[Version]) -> list[Row]:
    """Put versions into the words of the API."""
    moments = fetch_moments(session, (version.event_id for version in versions))
    return [
        {
            **vars(version),
            "changes": [*map(Change._make, version.changes)],
            **moments[version.event_id]._mapping,
        }
        for version in versions
    ]
