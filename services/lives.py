"""Fold the events of one subject into its lives: what it was called, and until when.

Tencent tells what happened, never what is: the state is what all events up to an instant add up to.
An ID that was set free may be used again, so one subject may have several lives.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from models.vocabulary import Action

Event = Mapping[str, Any]

DETAIL_FIELDS = {
    "introduction": "Introduction",
    "notification": "Notification",
    "face_url": "FaceUrl",
    "organization": "Organization",
    "group_type": "Type",
}
# A topic has a name and an owner of its own, which say nothing of its community group.
OF_TOPICS = {Action.TOPIC_CREATED, Action.TOPIC_CHANGED, Action.TOPIC_DESTROYED}
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


@dataclass(frozen=True)
class FieldValue:
    """What a field is.

    Attributes:
        value: "" where it was cleared.
        since: when it became this.
        event_id: the event that set it.
    """

    value: Any
    since: datetime
    event_id: int


@dataclass(frozen=True)
class Change:
    """What one event did to one field; ``old`` is none where nobody knew it."""

    field: str
    old: Any
    new: Any


@dataclass
class Life:
    """One incarnation of a subject, so far.

    Attributes:
        number: from 1.
        fields: by name; one that no event has mentioned is not among them.
        created_at: none where the creation was never seen.
        destroyed_at: none while it lives.
    """

    number: int
    fields: dict[str, FieldValue] = field(default_factory=dict)
    created_at: datetime | None = None
    destroyed_at: datetime | None = None
    last_event_id: int = 0

    @property
    def status(self) -> str:
        """Say whether it lives."""
        return "active" if self.destroyed_at is None else "destroyed"

    def ends_before(self, event: Event) -> bool:
        """Tell whether an event belongs to the next life.

        Without ``EventTime`` an event is placed by its arrival, which proves nothing: it may have
        overtaken another.
        """
        if event["action"] == Action.CREATED:
            return self.destroyed_at is not None or self.created_at is not None
        timed = event["event_time"] is not None
        return self.destroyed_at is not None and timed and event["action"] in PROOFS_OF_LIFE

    def take(self, event: Event) -> list[Change]:
        """Add an event; tell which fields are different after it."""
        at, event_id = event["occurred_at"], event["id"]
        changes = []
        for name, value in mentioned_fields(event):
            before = self.fields.get(name)
            if before is None or before.value != value:
                changes.append(Change(name, before and before.value, value))
                self.fields[name] = FieldValue(value, at, event_id)
        if event["action"] == Action.CREATED:
            self.created_at = at
        elif event["action"] == Action.DESTROYED:
            self.destroyed_at = at
        self.last_event_id = event_id
        return changes


def mentioned_fields(event: Event) -> Iterator[tuple[str, Any]]:
    """Give the fields that an event says something of; null says nothing."""
    if event["action"] not in OF_TOPICS:
        for name in ("name", "owner"):
            if event[name] is not None:
                yield name, event[name]
    details = event["details"]
    for name, wire_name in DETAIL_FIELDS.items():
        about_topic = name != "group_type" and event["action"] in OF_TOPICS
        if details.get(wire_name) is not None and not about_topic:
            yield name, details[wire_name]


def fold(events: Iterable[Event]) -> Iterator[tuple[Life, Event, list[Change]]]:
    """Go through a subject's life, event by event.

    Args:
        events: rows of one subject in order of occurred_at, received_at and id. The order in which
            they came makes no difference: late ones fall into the life they belong to.

    Yields:
        The life each event belongs to, as it is after the event; the event; what it changed.
    """
    life = Life(1)
    for event in events:
        if life.ends_before(event):
            life = Life(life.number + 1)
        yield life, event, life.take(event)


def fold_state(events: Iterable[Event]) -> Life | None:
    """Tell what all events add up to, or none without any."""
    life = None
    for life, _, _ in fold(events):  # noqa: B007
        pass
    return life
