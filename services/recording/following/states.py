"""Update the present states of channels and groups with each event."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from models.database.many import fetch_among, insert, replace
from models.event import PresentState
from models.text import dump_json, escape_text
from models.vocabulary import SubjectType
from services.subjects.events import PLACE, Subject, fetch_outline, read_histories
from services.subjects.lives import Event, Life, find_last_life
from services.subjects.present import make_row, read_life

Key = tuple[str, str, str]  # type, ID and app of a subject
STATES = sa.select(*PresentState.__table__.columns)
REPLACED = {one.key: replace for one in PresentState.__table__.columns if not one.primary_key}


def store_states(connection: sa.Connection, events: Iterable[Mapping[str, Any]]) -> None:
    """Store the states of subjects after new events."""
    by_subject: dict[Key, list[Event]] = defaultdict(list)
    for row in events:
        by_subject[key_of(row)].append(read_event(row))
    known = fetch_lives(connection, by_subject)
    lives: dict[Key, Life | None] = {}
    for key, its in by_subject.items():
        its.sort(key=PLACE)
        lives[key] = follow(known.get(key), its) or find_life(connection, key)
    store_lives(connection, lives)


def read_event(row: Mapping[str, Any]) -> Event:
    """Read the row of an event the way a replay does."""
    name, owner = row["name"], row["owner"]
    return Event(
        id=row["id"],
        action=row["action"],
        occurred_at=row["occurred_at"],
        received_at=row["received_at"],
        is_timed=row["event_time"] is not None,
        name=name and escape_text(name),
        owner=owner and escape_text(owner),
        details=dump_json(row["details"]),
        sdk_app_id=row["sdk_app_id"],
    )


def fetch_lives(connection: sa.Connection, keys: Iterable[Key]) -> Mapping[Key, Life]:
    """Fetch the last lives of subjects."""
    kinds, ids = {kind for kind, _, _ in keys}, {subject_id for _, subject_id, _ in keys}
    subjects = {PresentState.subject_type: kinds, PresentState.subject_id: ids}
    rows = [dict(row) for row in fetch_among(connection, STATES, subjects).mappings()]
    return {key_of(row): read_life(row) for row in rows}


def key_of(row: Mapping[str, Any]) -> Key:
    """Return the key of the subject of a row."""
    return row["subject_type"], row["subject_id"], row["sdk_app_id"]


def follow(life: Life | None, events: Sequence[Event]) -> Life | None:
    """Return the last life of a subject after more events; none if that takes all events.

    Args:
        life: the last one after all earlier events; none if there were none.
        events: in order; some may belong before the last event of ``life``.
    """
    new = events
    if life is not None:
        new = [event for event in events if not life.is_after(event)]
        if not all(life.outlasts(event) for event in events if life.is_after(event)):
            return None
    return find_last_life(new, life)


def find_life(connection: sa.Connection, key: Key) -> Life | None:
    """Return the last life of a subject after all its events; none if it has none.

    Of a hundred thousand events, few are read.
    """
    kind, subject_id, app = key
    return find_last_life(fetch_outline(connection, Subject(SubjectType(kind), subject_id, app)))


def restore_states(connection: sa.Connection, kind: str, subject_ids: Iterable[str]) -> None:
    """Store the states of the subjects of one kind after all their events."""
    histories = read_histories(connection, kind, subject_ids)
    store_lives(connection, {(kind, one, app): find_last_life(its) for one, app, its in histories})


def store_lives(connection: sa.Connection, lives: Mapping[Key, Life | None]) -> None:
    """Store the states of subjects in their last lives."""
    rows = [
        make_row(kind, subject_id, life) for (kind, subject_id, _), life in lives.items() if life
    ]
    insert(connection, PresentState, rows, **REPLACED)
