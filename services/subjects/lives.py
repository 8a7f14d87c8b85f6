"""Follow a subject through its lives, event by event.

Tencent reports changes, never states: a field has the value that was reported last. An ID can be
reused after its subject was destroyed, so one subject may have several lives.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from models.text import unescape_text
from models.vocabulary import OF_TOPICS, Action

# The fields of a subject by Tencent's names, in the order of the API.
FIELDS = {
    "Name": "name",
    "Owner_Account": "owner",
    "Introduction": "introduction",
    "Notification": "notification",
    "FaceUrl": "face_url",
    "Organization": "organization",
    "Type": "group_type",
}
# These report fields, as does any event that begins a life. Of all others, such as a hundred
# thousand joins, only the type of the group counts, and only until it is known.
TELLING = {Action.CREATED, Action.PROFILE_CHANGED, Action.OWNER_CHANGED, Action.DESTROYED}
# These cannot happen to a destroyed subject. Leaving members and cleared attributes may be reported
# after it was destroyed, as part of its end, and an end may be reported twice.
PROOFS_OF_LIFE = {
    Action.CREATED,
    Action.PROFILE_CHANGED,
    Action.OWNER_CHANGED,
    Action.FULL,
    Action.MEMBERS_ADDED,
    Action.TOPIC_CREATED,
}
# Tencent's servers each stamp events by their own clock.
GRACE = timedelta(seconds=5)
TYPE = FIELDS["Type"]  # of a group
READ_JSON = json.JSONDecoder().raw_decode

# Field, old value (none if unknown) and new value. Thousands are made, few are shown; a plain tuple
# takes a third of the time.
Change = tuple[str, Any, Any]
# The place of an event among those of its subject: both times, and the ID.
Place = tuple[datetime, datetime, int]


class Event(NamedTuple):
    """An event of a subject; its place contains its time.

    A subject may have many, so text stays as it is stored, with its escapes, and ``follow_lives``
    takes any row of these columns.

    Attributes:
        is_timed: whether Tencent told when it happened; otherwise it is placed by its arrival.
    """

    id: int
    action: str
    occurred_at: datetime
    received_at: datetime
    is_timed: bool
    name: str | None
    owner: str | None
    details: str
    sdk_app_id: str


class Field(NamedTuple):
    """The value of a field, the event that set it, and when that occurred."""

    value: Any
    event_id: int
    since: datetime


@dataclass
class Life:
    """One life of a subject, so far.

    Attributes:
        number: from 1.
        last_at: when its last event occurred.
        last_received_at: when that arrived.
        created_by: the event that began it; none if that was never seen.
        created_at: when that occurred.
        destroyed_by: the event that ended it; none while it lives.
        destroyed_at: when that occurred.
        fields: by name; a field that no event mentioned is absent.
    """

    number: int
    sdk_app_id: str
    last_at: datetime
    last_received_at: datetime = field(compare=False)
    last_event_id: int = 0
    last_action: str = ""
    created_by: int | None = None
    created_at: datetime | None = None
    destroyed_by: int | None = None
    destroyed_at: datetime | None = None
    fields: dict[str, Field] = field(default_factory=dict)

    def copy(self) -> "Life":
        """Return a copy of this life, which no later event changes."""
        return replace(self, fields={**self.fields})

    @property
    def status(self) -> str:
        """Return ``active`` or ``destroyed``."""
        return "active" if self.destroyed_by is None else "destroyed"

    def value(self, name: str) -> Any:
        """Return the value of a field; none if no event mentioned it."""
        return self.fields[name].value if name in self.fields else None

    def ends_before(self, action: str, at: datetime, *, is_timed: bool) -> bool:
        """Tell whether an event belongs to the next life.

        An event without ``EventTime`` is placed by its arrival, which proves nothing, as callbacks
        overtake each other.
        """
        if self.destroyed_at is None:
            is_told_again = self.created_at is None or at - self.created_at <= GRACE
            return action == Action.CREATED and not is_told_again
        if action == Action.CREATED:
            return True
        return is_timed and action in PROOFS_OF_LIFE and at - self.destroyed_at > GRACE

    def add(
        self,
        event_id: int,
        action: str,
        at: datetime,
        received_at: datetime,
        name: str | None,
        owner: str | None,
        details: str,
    ) -> list[Change]:
        """Add the next event of this life, and return the fields it changed."""
        changes = []
        told: Mapping[str, Any] = {}
        if action in TELLING or not self.last_event_id:
            told = read_fields(action, name, owner, details)
        elif TYPE not in self.fields:
            told = {TYPE: read_fields(action, name, owner, details).get(TYPE)}
        self.last_event_id, self.last_action = event_id, action
        self.last_at, self.last_received_at = at, received_at
        # A second report moves neither the beginning nor the end.
        if action == Action.CREATED and self.created_by is None:
            self.created_by, self.created_at = event_id, at
        elif action == Action.DESTROYED and self.destroyed_by is None:
            self.destroyed_by, self.destroyed_at = event_id, at
        for field_name, value in told.items():
            known = self.fields.get(field_name)
            old = known.value if known else None
            if old != value:
                self.fields[field_name] = Field(value, event_id, at)
                changes.append((field_name, old, value))
        return changes

    @property
    def last_place(self) -> Place:
        """The place of its last event."""
        return self.last_at, self.last_received_at, self.last_event_id

    def is_after(self, event: Event) -> bool:
        """Tell whether an event belongs before the last one, or is the last one."""
        return (event.occurred_at, event.received_at, event.id) <= self.last_place

    def outlasts(self, event: Event) -> bool:
        """Tell whether a late event certainly changes nothing, without reading the other events.

        It changes nothing if it moves no beginning and no end, and reports only values that were
        replaced since, or that were known before and still hold. An event that may be the first of
        a life takes that place from another, whose fields no longer count.
        """
        action, at = event.action, event.occurred_at
        if action in (Action.CREATED, Action.DESTROYED):
            return False
        if self.ends_before(action, at, is_timed=event.is_timed):
            return False
        if self.number > 1 and (self.created_at is None or at <= self.created_at):
            return False
        told = read_fields(action, event.name, event.owner, event.details)
        if at <= min([*(one.since for one in self.fields.values()), self.created_at or at]):
            return not (told or self.fields)
        if action not in TELLING:
            known = self.fields.get(TYPE)
            return TYPE not in told or (known is not None and known.since < at)
        for name, value in told.items():
            known = self.fields.get(name)
            if known is None or known.since == at:
                return False
            if name == TYPE and at < known.since:  # an event that need not count may have set it
                return False
            if (value == known.value) is not (at > known.since):
                return False
        return True


def read_fields(
    action: str, name: str | None, owner: str | None, details: str
) -> Mapping[str, Any]:
    """Return the fields that an event reports about its subject, by name."""
    said: dict[str, Any] = READ_JSON(details)[0]
    if action in OF_TOPICS:  # all else is about the topic
        said = {"Type": said.get("Type")}
    else:
        said["Name"] = name and unescape_text(name)
        said["Owner_Account"] = owner and unescape_text(owner)
    return {
        name: said[wire_name]
        for wire_name, name in FIELDS.items()
        if said.get(wire_name) is not None
    }


def follow_lives(
    events: Iterable[Event], life: Life | None = None
) -> Iterator[tuple[Life, list[Change]]]:
    """Yield for each event the life after it, which the next may change, and the fields it changed.

    Events come by occurred_at, received_at and id, so that a late arrival falls into the life it
    belongs to. They follow those that led to ``life``, if one is given.
    """
    for event_id, action, at, received_at, is_timed, name, owner, details, sdk_app_id in events:
        if life is None or life.ends_before(action, at, is_timed=is_timed):
            life = Life(1 if life is None else life.number + 1, sdk_app_id, at, received_at)
        yield life, life.add(event_id, action, at, received_at, name, owner, details)


def find_last_life(events: Iterable[Event], before: Life | None = None) -> Life | None:
    """Return the last life of a subject; none where there are no events.

    They follow those that led to the life ``before``, if one is given.
    """
    life = before
    for life, _ in follow_lives(events, before):  # noqa: B007 (the last one is wanted)
        pass
    return life
