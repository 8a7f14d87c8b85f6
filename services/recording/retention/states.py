"""Keep present states in line with the events that are left."""

from collections import defaultdict
from collections.abc import Iterable

import sqlalchemy as sa

from models.database.many import is_among
from models.event import LifecycleEvent, PresentState
from services.recording.following.states import find_life, store_lives
from services.recording.retention.labels import Key

SUBJECTS = sa.select(*PresentState.__table__.primary_key)
HAS_EVENT = sa.exists().where(
    LifecycleEvent.subject_type == PresentState.subject_type,
    LifecycleEvent.subject_id == PresentState.subject_id,
    LifecycleEvent.sdk_app_id == PresentState.sdk_app_id,
)


def purge_states(connection: sa.Connection, keys: Iterable[Key]) -> None:
    """Purge the states of subjects without events; recount the lives of the others."""
    by_kind: dict[str, set[str]] = defaultdict(set)
    for kind, _, subject_id in keys:
        by_kind[kind].add(subject_id)
    for kind, ids in by_kind.items():
        is_meant = (
            PresentState.subject_type == kind,
            is_among(connection, PresentState.subject_id, [*ids]),
        )
        connection.execute(sa.delete(PresentState).where(*is_meant, ~HAS_EVENT))
        reused = connection.execute(SUBJECTS.where(*is_meant, PresentState.life > 1)).all()
        store_lives(connection, {(*key,): find_life(connection, (*key,)) for key in reused})
