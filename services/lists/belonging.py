"""The channels and groups a user owns or is in at present, as far as events tell."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from models.event import EventMember, LifecycleEvent, PresentState
from models.vocabulary import Action, SubjectType
from services.reading.pages import Row
from services.subjects.present import read_state
from services.subjects.states import STATES, fetch_states

NEWEST = 50  # subjects of a kind, or events that say where a user is
MOST_MENTIONS = 1_000  # that name a member, among which these are found
MEMBERSHIP = (Action.CREATED, Action.MEMBERS_ADDED, Action.MEMBERS_REMOVED)
SUBJECT = (LifecycleEvent.subject_type, LifecycleEvent.subject_id, LifecycleEvent.sdk_app_id)
Key = tuple[str, str, str]  # kind, ID and app of a subject


def fetch_owned(connection: sa.Connection, user_id: str) -> list[Row]:
    """Return the states of the active subjects that a user owns, latest change first."""
    owned = [
        STATES.where(
            PresentState.subject_type == kind,
            PresentState.owner == user_id,
            PresentState.status == "active",
        )
        .order_by(PresentState.changed_at.desc())
        .limit(NEWEST)
        for kind in sorted(SubjectType)
    ]
    return [read_state(dict(row)) for rows in owned for row in connection.execute(rows).mappings()]


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
    """Return the states of the active ones among some subjects, each kind in the order given."""
    states: dict[Key, Row] = {}
    for kind in SubjectType:
        ids = {subject_id for one, subject_id, _ in subjects if one == kind}
        found = fetch_states(connection, kind, ids) if ids else []
        states |= {key_of(state): state for state in found}
    known = [states[key] for key in sorted(subjects, key=lambda one: one[0]) if key in states]
    return [state for state in known if state["status"] == "active"]


def key_of(state: Row) -> Key:
    """Return the kind, ID and app of a state's subject."""
    return state["subject_type"], state["subject_id"], state["sdk_app_id"]
