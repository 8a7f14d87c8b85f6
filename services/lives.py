"""Split the events of one subject into its lives.

An ID that was set free may be used again, so one subject may have several lives.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from models.vocabulary import Action

# What can't happen to a subject that is no more. Members who leave, or attributes that are cleared,
# may be the last that is heard of its end.
PROOFS_OF_LIFE = {
    Action.CREATED,
    Action.PROFILE_CHANGED,
    Action.OWNER_CHANGED,
    Action.FULL,
    Action.DESTROYED,
    Action.MEMBERS_ADDED,
    Action.TOPIC_CREATED,
}


class Event(NamedTuple):
    """What has to be known of an event to place it and to read it; its place tells when it was.

    A subject may have many, so texts are as they are stored: they may hold escapes.

    Attributes:
        is_timed: Tencent said when it happened; otherwise it is placed by its arrival.
        details: JSON.
    """

    id: int
    action: str
    is_timed: bool
    name: str | None
    owner: str | None
    details: str
    sdk_app_id: str


@dataclass
class Life:
    """One incarnation of a subject, so far.

    Attributes:
        number: from 1.
        events: of this life, in order; at least one.
        created_by: the event that began it; none where that was never seen.
        destroyed_by: the event that ended it; none while it lives.
    """

    number: int
    events: list[Event] = field(default_factory=list)
    created_by: int | None = None
    destroyed_by: int | None = None

    @property
    def status(self) -> str:
        """Say whether it lives."""
        return "active" if self.destroyed_by is None else "destroyed"

    def ends_before(self, event: Event) -> bool:
        """Tell whether an event belongs to the next life.

        Without ``EventTime`` an event is placed by its arrival, which proves nothing: it may have
        overtaken another.
        """
        if event.action == Action.CREATED:
            return self.destroyed_by is not None or self.created_by is not None
        return self.destroyed_by is not None and event.is_timed and event.action in PROOFS_OF_LIFE

    def add(self, event: Event) -> None:
        """Add the next event of this life."""
        self.events.append(event)
        if event.action == Action.CREATED:
            self.created_by = event.id
        elif event.action == Action.DESTROYED and self.destroyed_by is None:
            self.destroyed_by = event.id  # told once more, it does not end later


def split_lives(events: Iterable[Event]) -> list[Life]:
    """Split a subject's events into lives.

    Args:
        events: in order of occurred_at, received_at and id. The order in which they came makes no
            difference: late ones fall into the life they belong to.
    """
    life = Life(1)
    lives = []
    for event in events:
        if life.ends_before(event):
            life = Life(life.number + 1)
        if not life.events:
            lives.append(life)
        life.add(event)
    return lives
