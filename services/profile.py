"""Add up what the events of one life say of the subject's fields.

Tencent tells what happened, never what is: a field is what was said of it last.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from models.types import unescape_text
from models.vocabulary import Action

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


# For each of thousands of events, where few are shown: a tuple is made in a third of the time.
PlainChange = tuple[str, Any, Any]


class Profile:
    """The fields of a subject in one life, so far; one that no event has mentioned is not there.

    Attributes:
        values: by Tencent's names.
        set_by: the events that made them so.
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.set_by: dict[str, int] = {}

    def add(
        self, event_id: int, action: str, name: str | None, owner: str | None, details: str
    ) -> list[PlainChange]:
        """Add what the next ``Event`` says; tell which fields are different after it."""
        said = READ_JSON(details)[0]
        if action in OF_TOPICS:
            said = {"Type": said.get("Type")}
        else:
            said["Name"] = name and unescape_text(name)
            said["Owner_Account"] = owner and unescape_text(owner)
        values, changes = self.values, []
        for said_name, value in said.items():
            if value is None:
                continue
            old = values.get(said_name)
            if old != value and said_name in FIELDS:
                values[said_name] = value
                self.set_by[said_name] = event_id
                changes.append((FIELDS[said_name], old, value))
        return changes

    def describe(self) -> Mapping[str, FieldValue]:
        """Give the values by field."""
        return {
            field: FieldValue(self.values[name], self.set_by[name])
            for name, field in FIELDS.items()
            if name in self.values
        }
