"""List channels or groups by what they are now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import sqlalchemy as sa
from sqlalchemy.orm import Session

from models.event import LifecycleEvent
from models.vocabulary import SubjectType
from schemas.subject_list import SubjectPosition, SubjectsQuery
from services.lives import fold_state
from services.pages import Row
from services.subjects import COLUMNS, IN_ORDER, Subject, describe

CHUNK = 100
ALL_APPS = "all"  # comes after every SDKAppID, as those are digits
MAX_EXAMINED = 2000  # IDs for one page, so that a rare match does not hold up a reader


@dataclass(frozen=True)
class SubjectPage:
    """States of one page, and where the next one starts, if there may be one."""

    items: Sequence[Row]
    next: SubjectPosition | None


def fetch_subjects(session: Session, kind: SubjectType, query: SubjectsQuery) -> SubjectPage:
    """Fetch a page of subjects by ID.

    What a subject is follows from its events alone, so filters are applied after they are added
    up. A page ends early, and may be empty, once many subjects were looked at: the next one goes on
    from there.
    """
    items: list[Row] = []
    after, examined = query.after, 0
    while examined < MAX_EXAMINED:
        ids = fetch_ids(session, kind, query, after)
        for state in fetch_states(session, kind, ids, query):
            here = SubjectPosition(state["subject_id"], state["sdk_app_id"])
            if is_passed(here, after):
                continue
            if passes(state, query):
                if len(items) == query.limit:
                    return SubjectPage(items, after)
                items.append(state)
            after = here
        if len(ids) < CHUNK:
            return SubjectPage(items, None)
        examined += len(ids)
        after = SubjectPosition(ids[-1], ALL_APPS)
    return SubjectPage(items, after)


def is_passed(here: SubjectPosition, after: SubjectPosition | None) -> bool:
    """Tell whether a page before this one has looked at a subject of the same ID."""
    return (
        after is not None
        and here.subject_id == after.subject_id
        and here.sdk_app_id <= after.sdk_app_id
    )


def fetch_ids(
    session: Session, kind: SubjectType, query: SubjectsQuery, after: SubjectPosition | None
) -> Sequence[str]:
    """Fetch the next IDs; the last one again if other apps may have it too."""
    ids = sa.select(LifecycleEvent.subject_id).where(LifecycleEvent.subject_type == kind)
    if after is not None and after.sdk_app_id == ALL_APPS:
        ids = ids.where(LifecycleEvent.subject_id > after.subject_id)
    elif after is not None:
        ids = ids.where(LifecycleEvent.subject_id >= after.subject_id)
    if "owner" in query.filters:  # whoever owns it now was named by one of its events
        named = sa.select(LifecycleEvent.subject_id)
        named = named.where(LifecycleEvent.owner == query.filters["owner"])
        ids = ids.where(LifecycleEvent.subject_id.in_(named))
    return session.scalars(ids.distinct().order_by(LifecycleEvent.subject_id).limit(CHUNK)).all()


def fetch_states(
    session: Session, kind: SubjectType, ids: Sequence[str], query: SubjectsQuery
) -> Iterator[Row]:
    """Add up the events of some subjects, by ID in the order given, then by app."""
    events = (
        sa.select(LifecycleEvent.subject_id, *COLUMNS)
        .where(LifecycleEvent.subject_type == kind, LifecycleEvent.subject_id.in_(ids))
        .order_by(LifecycleEvent.sdk_app_id, *IN_ORDER)
    )
    if "sdk_app_id" in query.filters:
        events = events.where(LifecycleEvent.sdk_app_id == query.filters["sdk_app_id"])
    places = {subject_id: place for place, subject_id in enumerate(ids)}
    rows = sorted(session.execute(events).mappings(), key=lambda row: places[row["subject_id"]])
    for (subject_id, app), group in groupby(
        rows, key=lambda row: (row["subject_id"], row["sdk_app_id"])
    ):
        if (life := fold_state(dict(row) for row in group)) is not None:
            yield describe(life, Subject(kind, subject_id), app, None)


def passes(state: Row, query: SubjectsQuery) -> bool:
    """Tell whether a state is asked for."""
    values = {name: field.value for name, field in state["fields"].items()}
    wanted = query.filters
    return (
        wanted.get("status", state["status"]) == state["status"]
        and wanted.get("owner", values.get("owner")) == values.get("owner")
        and str(values.get("name", "")).startswith(wanted.get("name", ""))
    )
