"""Add up what the events of one life say of the subject's fields.

Tencent tells what happened, never what is: a field is what was said of it last.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from models.types import unescape_text
from models.vocabulary import Action
from services.lives import Event

# By Tencent's names, in the order in which they are told.
FIELDS = {
    "Name": "name",
    "Owner_Account": "owner",
    "Introduction": "introduction",
    "Notification": "notification",
    "FaceUrl": "face_url",
    "Organization": "organization",
    "Type": "group_type",
}
# A topic has a name and an owner of its own, which say nothing of its community group.
OF_TOPICS = {Action.TOPIC_CREATED, Action.TOPIC_CHANGED, Action.TOPIC_DESTROYED}
READ_JSON = json.JSONDecoder().raw_decode


class FieldValue(NamedTuple):
    """What a field is, "" where it was cleared; and the event that set it."""

    value: Any
    event_id: int


class Change(NamedTuple):
    """What one event did to one field; ``old`` is none where nobody knew it."""

    field: str
    old: Any
    new: Any


Statement = Mapping[str, Any]  # by Tencent's names; null says nothing


def read_statement(action: str, name: str | None, owner: str | None, details: str) -> Statement:
    """Read what an event says of its subject, among other things."""
    said: dict[str, Any] = READ_JSON(details)[0]
    if action in OF_TOPICS:
        return {"Type": said.get("Type")}
    said["Name"] = name and unescape_text(name)
    said["Owner_Account"] = owner and unescape_text(owner)
    return said


def find_profile(events: Sequence[Event]) -> Mapping[str, FieldValue]:
    """Tell what every field was in the end, and which event made it so.

    From the last event back, as that needs half the time: the event that set a field is the first
    of those that say the same until the end.

    Args:
        events: of one life, in order.

    Returns:
        Values by field; one that no event has mentioned is not among them.
    """
    read = cache(read_statement)  # many events say the same
    values: dict[str, Any] = {}
    set_by: dict[str, int] = {}
    unsettled = [*FIELDS]
    for event in reversed(events):
        said = read(event.action, event.name, event.owner, event.details)
        for name in [*unsettled]:
            value = said.get(name)
            if value is None:
                continue
            if values.setdefault(name, value) == value:
                set_by[name] = event.id
            else:
                unsettled.remove(name)
    return {
        field: FieldValue(values[name], set_by[name])
        for name, field in FIELDS.items()
        if name in values
    }


def find_changes(events: Sequence[Event]) -> Iterator[tuple[Event, list[Change]]]:
    """Tell of each event of one life, in order, which fields were different after it."""
    read = cache(read_statement)
    values: dict[str, Any] = {}
    for event in events:
        said = read(event.action, event.name, event.owner, event.details)
        changes = []
        for name, field in FIELDS.items():
            value = said.get(name)
            if value is not None and values.get(name) != value:
                changes.append(Change(field, values.get(name), value))
                values[name] = value
        yield event, changes
