"""Which channels and groups are a user's at present, as far as events tell."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from models.event import EventMember, LifecycleEvent
from models.vocabulary import Action, SubjectType
from services.lists.by_name import fetch_lives
from services.reading.pages import Row
from services.subjects.states import describe_states

NEWEST = 50  # events of a user whose subjects are looked at: all their events are replayed
MOST_MENTIONS = 1_000  # of a member, among which these are found
MEMBERSHIP = (Action.CREATED, Action.MEMBERS_ADDED, Action.MEMBERS_REMOVED)
SUBJECT = (LifecycleEvent.subject_type, LifecycleEvent.subject_id, LifecycleEvent.sdk_app_id)
Key = tuple[str, str, str]  # kind, ID and app of a subject


def fetch_owned(connection: sa.Connection, user_id: str) -> list[Row]:
    """Return the states of the active subjects that a user owns, by the newest reports of it."""
    reports = (
        sa.select(*SUBJECT)
        .where(LifecycleEvent.owner == user_id)
        .order_by(LifecycleEvent.occurred_at.desc(), LifecycleEvent.id.desc())
        .limit(NEWEST)
    )
    subjects = dict.fromkeys((*row,) for row in connection.execute(reports))
    states = fetch_active(connection, subjects)
    return [one for one in states if one["fields"].get("owner", {}).get("value") == user_id]


def fetch_joined(connection: sa.Connection, user_id: str) -> list[Row]:
    """Return the states of the active subjects that a user has joined and not left since."""
    newest = (
        sa.select(EventMember.occurred_at, EventMember.event_id)
        .where(EventMember.user_id == user_id)
        .order_by(EventMember.occurred_at.desc(), EventMember.event_id.desc())
        .limit(MOST_MENTIONS)
        .subquery()
    )
    reports = (
        sa.select(*SUBJECT, LifecycleEvent.action, LifecycleEvent.occurred_at)
        .join(newest, newest.c.event_id == LifecycleEvent.id)
        .where(LifecycleEvent.action.in_(MEMBERSHIP))
        .order_by(newest.c.occurred_at.desc(), newest.c.event_id.desc())
        .limit(NEWEST)
    )
    last: dict[Key, tuple[str, datetime]] = {}
    for kind, subject_id, app, action, at in connection.execute(reports):
        last.setdefault((kind, subject_id, app), (action, at))
    since = {one: at for one, (action, at) in last.items() if action != Action.MEMBERS_REMOVED}
    return [
        state
        for state in fetch_active(connection, since)
        if state["created_at"] is None or state["created_at"] <= since[key_of(state)]
    ]


def fetch_active(connection: sa.Connection, subjects: Collection[Key]) -> list[Row]:
    """Return the states of those subjects that are active, each kind in the order given."""
    states = []
    for kind in sorted({SubjectType(one) for one, _, _ in subjects}):
        ids = dict.fromkeys(subject_id for one, subject_id, _ in subjects if one == kind)
        lives = fetch_lives(connection, kind, ids)
        found = ((subject_id, life) for subject_id in ids for life in lives[subject_id])
        active = [one for one in found if one[1].status == "active"]
        states += describe_states(connection, kind, active)
    return [state for state in states if key_of(state) in subjects]


def key_of(state: Row) -> Key:
    """Return kind, ID and app of a state's subject."""
    return state["subject_type"], state["subject_id"], state["sdk_app_id"]
