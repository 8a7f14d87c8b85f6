"""The state of channels and groups, now or at an instant."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from models.event import PresentState
from services.reading.history import fetch_moments
from services.reading.pages import Row
from services.subjects.events import AmbiguousSubjectError, Subject, fetch_outline
from services.subjects.lives import Life, find_last_life
from services.subjects.present import make_row, read_state

STATES = sa.select(*PresentState.__table__.columns)


def fetch_state(connection: sa.Connection, subject: Subject, at: datetime | None) -> Row | None:
    """Return the state of a subject after the events up to an instant, inclusive, or at present.

    None if there are no events.

    Raises:
        AmbiguousSubjectError: several apps have a subject with this ID.
    """
    present = fetch_present_state(connection, subject)
    if at is None or present is None:
        return present
    subject = replace(subject, sdk_app_id=present["sdk_app_id"])
    life = find_last_life(fetch_outline(connection, subject, until=at))
    return None if life is None else describe(subject, life)


def fetch_present_state(connection: sa.Connection, subject: Subject) -> Row | None:
    """Return the present state of a subject; none if it has no event.

    Raises:
        AmbiguousSubjectError: several apps have a subject with this ID.
    """
    states = fetch_states(connection, subject.type, [subject.id])
    if subject.sdk_app_id is not None:
        states = [state for state in states if state["sdk_app_id"] == subject.sdk_app_id]
    if len(states) > 1:
        raise AmbiguousSubjectError(state["sdk_app_id"] for state in states)
    return states[0] if states else None


def has_namesake(connection: sa.Connection, subject: Subject) -> bool:
    """Tell whether another app has a subject with this ID."""
    others = sa.select(PresentState.sdk_app_id).where(
        PresentState.subject_type == subject.type,
        PresentState.subject_id == subject.id,
        PresentState.sdk_app_id != subject.sdk_app_id,
    )
    return connection.execute(others).first() is not None


def fetch_states(connection: sa.Connection, kind: str, subject_ids: Iterable[str]) -> list[Row]:
    """Return the present states of the subjects with these IDs, in any app."""
    query = STATES.where(
        PresentState.subject_type == kind, PresentState.subject_id.in_(subject_ids)
    )
    return [read_state(dict(row)) for row in connection.execute(query).mappings()]


def describe(subject: Subject, life: Life) -> Row:
    """Describe a life in the form of a present state."""
    return read_state(make_row(subject.type, subject.id, life))


def add_operators(connection: sa.Connection, state: Row) -> None:
    """Add to each field of a state its ``operator``, by the event that set it."""
    fields = state["fields"].values()
    moments = fetch_moments(connection, {field["event_id"] for field in fields})
    for field in fields:
        field["operator"] = moments[field["event_id"]]["operator"]
