"""Tell the lives of one subject apart, event by event.

An ID that was set free may be used again, so one subject may have several lives.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from models.vocabulary import Action
from services.event import Event
from services.profile import PlainChange, Profile

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


@dataclass
class Life:
    """One incarnation of a subject, so far.

    Attributes:
        number: from 1.
        last_event_id: its newest event.
        last_action: what that was.
        created_by: the event that began it; none where that was never seen.
        destroyed_by: the event that ended it; none while it lives.
        profile: what its fields are.
    """

    number: int
    sdk_app_id: str
    last_event_id: int = 0
    last_action: str = ""
    created_by: int | None = None
    destroyed_by: int | None = None
    profile: Profile = field(default_factory=Profile)

    @property
    def status(self) -> str:
        """Say whether it lives."""
        return "active" if self.destroyed_by is None else "destroyed"

    def ends_before(self, action: str, *, is_timed: bool) -> bool:
        """Tell whether an event belongs to the next life.

        Without ``EventTime`` an event is placed by its arrival, which proves nothing: it may have
        overtaken another.
        """
        if action == Action.CREATED:
            return self.destroyed_by is not None or self.created_by is not None
        return self.destroyed_by is not None and is_timed and action in PROOFS_OF_LIFE

    def add(self, event_id: int, action: str) -> None:
        """Add the next event of this life."""
        self.last_event_id, self.last_action = event_id, action
        if action == Action.CREATED:
            self.created_by = event_id
        elif action == Action.DESTROYED and self.destroyed_by is None:
            self.destroyed_by = event_id  # told once more, it does not end later


def follow_lives(events: Iterable[Event]) -> Iterator[tuple[Life, list[PlainChange]]]:
    """Follow a subject from event to event.

    Args:
        events: in order of occurred_at, received_at and id. The order in which they came makes no
            difference: late ones fall into the life they belong to.

    Returns:
        For each event, the life it belongs to as it was after it, and which fields it changed. The
        next event may change that life.
    """
    life = None
    for event_id, action, is_timed, name, owner, details, sdk_app_id in events:
        if life is None or life.ends_before(action, is_timed=is_timed):
            life = Life(1 if life is None else life.number + 1, sdk_app_id)
        life.add(event_id, action)
        yield life, life.profile.add(event_id, action, name, owner, details)


def find_last_life(events: Iterable[Event]) -> Life | None:
    """Follow a subject to the end; none if nothing is known of it."""
    life = None
    for life, _ in follow_lives(events):  # noqa: B007 (the last is what is looked for)
        pass
    return life
