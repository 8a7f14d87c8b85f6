"""The state of channels and groups, now or at an instant."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from models.vocabulary import SubjectType
from services.reading.pages import Row
from services.subjects.events import Subject, fetch_moments, read_events
from services.subjects.lives import FIELDS, Life, find_last_life


def fetch_state(connection: sa.Connection, subject: Subject, at: datetime | None) -> Row | None:
    """Return the state of a subject after the events up to an instant, inclusive, or after all.

    It is none if there are no events.

    Raises:
        AmbiguousSubjectError: several apps have a subject of this ID.
    """
    life = find_last_life(read_events(connection, subject, until=at))
    if life is None:
        return None
    return describe_states(connection, subject.type, [(subject.id, life)])[0]


def describe_states(
    connection: sa.Connection, kind: SubjectType, lives: Sequence[tuple[str, Life]]
) -> list[Row]:
    """Return the states of subjects as the API shows them, but for the instants.

    Each field has its operator as well. Each life comes with the ID of its subject, and is the one
    up to the instant.
    """
    named = (
        event_id
        for _, life in lives
        for event_id in (
            life.created_by,
            life.destroyed_by,
            life.last_event_id,
            *life.set_by.values(),
        )
    )
    moments = fetch_moments(connection, filter(None, named))
    times: dict[int | None, datetime | None] = {
        event_id: row["occurred_at"] for event_id, row in moments.items()
    }
    return [
        {
            "subject_type": kind,
            "subject_id": subject_id,
            "sdk_app_id": life.sdk_app_id,
            "life": life.number,
            "status": life.status,
            "created_at": times.get(life.created_by),
            "destroyed_at": times.get(life.destroyed_by),
            "last_event_id": life.last_event_id,
            "changed_at": times[life.last_event_id],
            "fields": describe_fields(life, moments),
        }
        for subject_id, life in lives
    ]


def describe_fields(life: Life, moments: Mapping[int, Row]) -> Row:
    """Return the fields of a life by name, each with the moment of the event that set it."""
    return {
        field: {
            "value": life.values[name],
            "since": moments[life.set_by[name]]["occurred_at"],
            "event_id": life.set_by[name],
            "operator": moments[life.set_by[name]]["operator"],
        }
        for name, field in FIELDS.items()
        if name in life.values
    }
