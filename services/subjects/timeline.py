"""The timeline of a subject: its events, newest first, page by page."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from models.vocabulary import OF_TOPICS, Action
from services.reading.history import add_first_members, count_fitting, fetch_events_by_id
from services.reading.pages import Row
from services.subjects.lives import FIELDS
from services.subjects.story import Story
from services.subjects.versions import Step, find_event

# What a timeline can be narrowed to.
ALL, NAMES, OWNER, MEMBERS = PARTS = ("all", "names", "owner", "members")
PART_OF_FIELD = {"name": NAMES, "owner": OWNER}
PART_OF_ACTION: Mapping[str, str] = {
    Action.OWNER_CHANGED: OWNER,
    Action.MEMBERS_ADDED: MEMBERS,
    Action.MEMBERS_REMOVED: MEMBERS,
    Action.MEMBER_CHANGED: MEMBERS,
    Action.FULL: MEMBERS,
}
OLD_OWNER, NEW_OWNER = "OldOwner_Account", "NewOwner_Account"


@dataclass(frozen=True)
class Entry:
    """One event in the life of a subject, and the difference it made.

    Attributes:
        event: with the first of the ``members`` it names, and their ``member_count``.
    """

    event: Row
    step: Step

    @property
    def changes(self) -> Sequence[Mapping[str, Any]]:
        """The changes as the API shows them, with the old owner as the event has it if need be."""
        said = self.event["details"].get(OLD_OWNER)
        return [
            {**one, "old": said} if one["field"] == "owner" and one["old"] is None else one
            for one in self.step.describe_changes()
        ]

    @property
    def unchanged(self) -> Sequence[str]:
        """The fields that it reports as changed although they have been so before."""
        event, changed = self.event, {field for field, _, _ in self.step.changes}
        said: dict[str, Any] = {}
        if event["action"] == Action.PROFILE_CHANGED:
            said = {"Name": event["name"]} | event["details"] | {"Type": None}
        elif event["action"] == Action.OWNER_CHANGED:
            said = {"Owner_Account": event["owner"]}
        fields = [field for name, field in FIELDS.items() if said.get(name) is not None]
        return [field for field in fields if field not in changed]

    @property
    def rest(self) -> Mapping[str, Any]:
        """The details of the event that its changes do not tell, by Tencent's names.

        Of a topic, all of them: it has a name and a type of its own.
        """
        details: dict[str, Any] = self.event["details"]
        if self.event["action"] in OF_TOPICS:
            return details | ({"Name": self.event["name"]} if self.event["name"] else {})
        old = next((one["old"] for one in self.changes if one["field"] == "owner"), None)
        told = {NEW_OWNER: self.event["owner"], OLD_OWNER: old}
        return {
            name: value
            for name, value in details.items()
            if name not in FIELDS and told.get(name, ...) != value
        }


@dataclass(frozen=True)
class Timeline:
    """A page of entries.

    Attributes:
        entries: newest first.
        counts: how many entries there are on all pages, by what they are narrowed to.
        newer: the event that the page before starts with, if there is one.
        older: the one that the next page starts with.
        oldest: the one that a page starts with which ends with the first event.
    """

    entries: Sequence[Entry]
    counts: Mapping[str, int]
    newer: int | None
    older: int | None
    oldest: int | None


def fetch_timeline(
    connection: sa.Connection,
    story: Story,
    *,
    part: str,
    start: int | None,
    limit: int,
    members: int,
) -> Timeline:
    """Return a page of the timeline of a subject, narrowed to a part of it.

    It begins with the event ``start``, has ``limit`` entries at most, and is cut to fit. Of each
    event, so many ``members`` are shown at most.

    Raises:
        ForeignEventError: ``start`` is no event of that part.
    """
    parted = [find_parts(one.action, *[change[0] for change in one.changes]) for one in story.steps]
    steps = [step for step, parts in zip(story.steps, parted, strict=True) if part in parts][::-1]
    ids = [step.event_id for step in steps]
    first = 0 if start is None else find_event(ids, start)
    asked = ids[first : first + limit]
    page = asked[: count_fitting(connection, asked)]
    events = fetch_events_by_id(connection, page)
    add_first_members(connection, [*events.values()], members)
    following = first + len(page)
    return Timeline(
        entries=[Entry(events[step.event_id], step) for step in steps[first:following]],
        counts=count_parts(parted),
        newer=ids[max(0, first - limit)] if first else None,
        older=ids[following] if following < len(ids) else None,
        oldest=ids[-limit:][0] if following < len(ids) else None,
    )


def count_parts(parted: Iterable[frozenset[str]]) -> Mapping[str, int]:
    """Return how many steps belong to each part."""
    alike = Counter(parted)  # thousands of steps, of a dozen kinds
    return {part: sum(alike[one] for one in alike if part in one) for part in PARTS}


@cache
def find_parts(action: str, *fields: str) -> frozenset[str]:
    """Return the parts of a timeline that a step belongs to, by its action and what it changed."""
    parts = {PART_OF_FIELD.get(field) for field in fields}
    return frozenset(filter(None, {ALL, PART_OF_ACTION.get(action), *parts}))
