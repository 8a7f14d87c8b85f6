"""Number the steps in the life of a subject, each with what it changed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from models.vocabulary import Action
from services.lives import Change, Event, fold

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
    occurred_at: datetime
    operator: str | None
    platform: str | None
    changes: list[Change]


def fold_versions(events: Iterable[Event]) -> Iterator[Version]:
    """Give a version for every step of the lifecycle, and for all else that changes a field."""
    number = 0
    for life, event, changes in fold(events):
        if changes or event["action"] in ALWAYS_VERSIONS:
            number += 1
            yield Version(
                version=number,
                life=life.number,
                event_id=event["id"],
                action=event["action"],
                occurred_at=event["occurred_at"],
                operator=event["operator"],
                platform=event["platform"],
                changes=changes,
            )
