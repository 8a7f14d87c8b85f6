"""Fetch the users that events name."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from models.event import EventMember
from schemas.registry import LIFECYCLE_SCHEMAS
from services.moments import WRITTEN_OUT
from services.pages import Row

FIND_MEMBERS = (
    sa.select(EventMember.event_id, EventMember.user_id)
    .where(EventMember.event_id.in_(sa.bindparam("event_ids", **WRITTEN_OUT)))
    .order_by(EventMember.event_id, EventMember.position)
)
FIND_FIRST_MEMBERS = FIND_MEMBERS.where(EventMember.position < sa.bindparam("most"))
COUNT_MEMBERS = (
    sa.select(EventMember.event_id, sa.func.count().label("members"))
    .where(EventMember.event_id.in_(sa.bindparam("event_ids", **WRITTEN_OUT)))
    .group_by(EventMember.event_id)
)

NAME_NOBODY = {command for command, schema in LIFECYCLE_SCHEMAS.items() if not schema.names_users}


def add_members(session: Session, events: Sequence[Row]) -> None:
    """Add to each event the ``members`` it names, in Tencent's order."""
    spread(events, session.execute(FIND_MEMBERS, to_event_ids(events)))


def add_first_members(session: Session, events: Sequence[Row], most: int) -> None:
    """Add to each event the first ``members`` it names, and how many there are."""
    chosen = {**to_event_ids(events), "most": most}
    spread(events, session.execute(FIND_FIRST_MEMBERS, chosen))
    count_members(session, events)


def count_members(session: Session, events: Sequence[Row]) -> None:
    """Add to each event its ``member_count``."""
    found = session.execute(COUNT_MEMBERS, to_event_ids(events))
    counts = {row.event_id: row.members for row in found}
    for event in events:
        event["member_count"] = counts.get(event["id"], 0)


def to_event_ids(events: Sequence[Row]) -> dict[str, Sequence[int]]:
    """Name the events whose members are looked for: each is on another page of a large table."""
    return {"event_ids": [event["id"] for event in events if event["command"] not in NAME_NOBODY]}


def spread(events: Sequence[Row], found: Iterable[sa.Row[int, str]]) -> None:
    """Give each event its members."""
    members: dict[int, list[str]] = defaultdict(list)
    for event_id, user_id in found:
        members[event_id].append(user_id)
    for event in events:
        event["members"] = members[event["id"]]
