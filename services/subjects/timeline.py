"""The timeline of a subject: its events, newest first, page by page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from models.event import LifecycleEvent
from models.vocabulary import OF_TOPICS, Action
from schemas.api.cursor import Position
from schemas.api.page import Order, PageQuery
from services.reading.facets import MOST_COUNTED
from services.reading.history import (
    EVENT_KEY,
    add_first_members,
    count_fitting,
    fetch_events_by_id,
)
from services.reading.pages import Row, Rows, select_in_order
from services.subjects.events import TABLE, Subject, select_events
from services.subjects.lives import FIELDS, Change
from services.subjects.states import has_namesake
from services.subjects.story import ForeignEventError, Step, Story, find_event

# The parts to which a timeline can be narrowed.
ALL, NAMES, OWNER, MEMBERS = ("all", "names", "owner", "members")
# The other parts, by what identifies them: an action, or the field that a step changed.
CHANGES = {NAMES: (None, "name"), OWNER: (Action.OWNER_CHANGED, "owner")}
OF_MEMBERS = (
    Action.MEMBERS_ADDED,
    Action.MEMBERS_REMOVED,
    Action.MEMBER_CHANGED,
    Action.FULL,
)
OLD_OWNER, NEW_OWNER = "OldOwner_Account", "NewOwner_Account"
# Events, newest first, and where the previous page and the last page start, if there are any.
Stretch = tuple[Sequence[int], int | None, int | None]


@dataclass(frozen=True)
class Entry:
    """One event in the life of a subject, and the difference it made.

    Attributes:
        event: with the first of the ``members`` it names, and their ``member_count``.
    """

    event: Row
    step: Step

    @property
    def changes(self) -> Sequence[Change]:
        """The changes, with the old owner from the event if need be."""
        said = self.event["details"].get(OLD_OWNER)
        return [
            (field, said if field == "owner" and old is None else old, new)
            for field, old, new in self.step.changes
        ]

    @property
    def unchanged(self) -> Sequence[str]:
        """The fields it reports as changed although they had these values before."""
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
        """The details of the event that are not among its changes, by Tencent's names.

        For a topic, all of them: it has a name and a type of its own.
        """
        details: dict[str, Any] = self.event["details"]
        if self.event["action"] in OF_TOPICS:
            return details | ({"Name": self.event["name"]} if self.event["name"] else {})
        old = next((old for field, old, _ in self.changes if field == "owner"), None)
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
        counts: how many entries all pages of each part have, up to ``MOST_COUNTED``.
        newer: the first event of the previous page, if there is one.
        older: the first event of the next page.
        oldest: the event with which the last page starts.
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

    It begins with the event ``start``, has at most ``limit`` entries, and is cut to fit. Each event
    shows at most ``members`` members.

    Raises:
        ForeignEventError: ``start`` is not an event of that part.
    """
    told = {one: list_changes(story, one) for one in CHANGES}
    if part in told:
        asked, newer, oldest = cut_part(told[part], start, limit)
    else:
        asked, newer, oldest = fetch_part(connection, story.subject, part, start, limit)
    page = asked[: count_fitting(connection, asked[:limit])]
    events = fetch_events_by_id(connection, page)
    add_first_members(connection, [*events.values()], members)
    counts = {one: min(len(its), MOST_COUNTED) for one, its in told.items()}
    counts |= count_parts(connection, story.subject)
    has_more = len(asked) > len(page)
    return Timeline(
        entries=[Entry(events[one], story.find_step(events[one])) for one in page],
        counts=counts,
        newer=newer,
        older=asked[len(page)] if has_more else None,
        oldest=oldest if has_more else None,
    )


def list_changes(story: Story, part: str) -> Sequence[Step]:
    """List the steps that changed the field of a part or have its action, in any order."""
    action, field = CHANGES[part]
    told = {step.event_id: step for step in story.changed.get(field, ())}
    if action is not None:
        told |= {step.event_id: step for step in story.steps if step.action == action}
    return [*told.values()]


def cut_part(steps: Sequence[Step], start: int | None, limit: int) -> Stretch:
    """Take a page of events, and one more, of a part that the story tells.

    Raises:
        ForeignEventError: ``start`` is none of them.
    """
    newest = sorted(steps, key=attrgetter("occurred_at", "event_id"), reverse=True)
    ids = [step.event_id for step in newest]
    at = 0 if start is None else find_event(ids, start)
    newer = ids[max(at - limit, 0)] if at else None
    return ids[at : at + limit + 1], newer, next(iter(ids[-limit:]), None)


def fetch_part(
    connection: sa.Connection, subject: Subject, part: str, start: int | None, limit: int
) -> Stretch:
    """Fetch a page of events, and one more, of a part that indexes have in order.

    Raises:
        ForeignEventError: ``start`` is none of them.
    """
    rows = select_events(subject).with_only_columns(*TABLE.c["occurred_at", "id"])
    alternatives = [rows.where(LifecycleEvent.action == action) for action in OF_MEMBERS]
    seek = partial(fetch_ids, connection, [rows] if part == ALL else alternatives)
    at = None if start is None else find_position(connection, rows, start, part)
    asked = seek(at and (at[0], at[1] + 1), limit=limit + 1)
    newer = seek(at, is_backward=True, limit=limit) if at else ()
    oldest = seek(None, is_backward=True, limit=limit) if len(asked) > 1 else ()
    return asked, next(reversed(newer), None), next(reversed(oldest), None)


def find_position(connection: sa.Connection, rows: Rows, start: int, part: str) -> Position:
    """Find the position of an event.

    Raises:
        ForeignEventError: it is not of this part.
    """
    found = connection.execute(within(rows, part).where(LifecycleEvent.id == start)).one_or_none()
    if found is None:
        raise ForeignEventError
    return found.occurred_at, found.id


def within(rows: Rows, part: str) -> Rows:
    """Keep the events of a part that is defined by actions."""
    return rows if part == ALL else rows.where(LifecycleEvent.action.in_(OF_MEMBERS))


def fetch_ids(
    connection: sa.Connection,
    alternatives: Sequence[Rows],
    after: Position | None,
    *,
    limit: int,
    is_backward: bool = False,
) -> Sequence[int]:
    """Return the IDs of the events after a position, newest first, or else before it."""
    query = PageQuery({"order": Order.DESC}, limit, after, is_backward=is_backward)
    rows = select_in_order(alternatives, query, sort_key=EVENT_KEY, limit=limit)
    return [row.id for row in connection.execute(rows)]


def count_parts(connection: sa.Connection, subject: Subject) -> dict[str, int]:
    """Count the events of the parts that are defined by actions, up to ``MOST_COUNTED`` each.

    An index holds everything needed, unless another app has a subject with this ID.
    """
    rows = sa.select(TABLE.c.id).where(
        TABLE.c.subject_type == subject.type, TABLE.c.subject_id == subject.id
    )
    if has_namesake(connection, subject):
        rows = rows.where(TABLE.c.sdk_app_id == subject.sdk_app_id)
    some = [within(rows, part).limit(MOST_COUNTED).subquery() for part in (ALL, MEMBERS)]
    counts = (sa.select(sa.func.count()).select_from(one).scalar_subquery() for one in some)
    row = connection.execute(sa.select(*counts)).one()
    return {ALL: row[0], MEMBERS: row[1]}
