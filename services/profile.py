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

DETAIL_FIELDS = (
    ("introduction", "Introduction"),
    ("notification", "Notification"),
    ("face_url", "FaceUrl"),
    ("organization", "Organization"),
    ("group_type", "Type"),
)
FIELDS = ("name", "owner", *(field for field, _ in DETAIL_FIELDS))
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


Mention = tuple[str, Any]


def find_mentions(
    action: str, name: str | None, owner: str | None, details: str
) -> Sequence[Mention]:
    """List the fields that an event says something of; null says nothing."""
    said, _ = READ_JSON(details)
    if action in OF_TOPICS:
        found = [("group_type", said.get("Type"))]
    else:
        found = [("name", name and unescape_text(name)), ("owner", owner and unescape_text(owner))]
        found += [(field, said[wire]) for field, wire in DETAIL_FIELDS if wire in said]
    return [mention for mention in found if mention[1] is not None]


def find_profile(events: Sequence[Event]) -> Mapping[str, FieldValue]:
    """Tell what every field was in the end, and which event made it so.

    From the last event back, as far as anything is left to learn: the event that set a field is
    the first of those that say the same until the end.

    Args:
        events: of one life, in order.

    Returns:
        Values by field; one that no event has mentioned is not among them.
    """
    find = cache(find_mentions)  # many events say the same
    values: dict[str, Any] = {}
    set_by: dict[str, int] = {}
    unsettled = set(FIELDS)
    for event in reversed(events):
        for field, value in find(event.action, event.name, event.owner, event.details):
            if field in unsettled and values.setdefault(field, value) == value:
                set_by[field] = event.id
            else:
                unsettled.discard(field)
        if not unsettled:
            break
    return {field: FieldValue(values[field], set_by[field]) for field in FIELDS if field in values}


def find_changes(events: Sequence[Event]) -> Iterator[tuple[Event, list[Change]]]:
    """Tell of each event of one life, in order, which fields were different after it."""
    find = cache(find_mentions)
    values: dict[str, Any] = {}
    for event in events:
        mentions = find(event.action, event.name, event.owner, event.details)
        changes = [
            Change(field, values.get(field), value)
            for field, value in mentions
            if field not in values or values[field] != value
        ]
        values.update(mentions)
        yield event, changes
