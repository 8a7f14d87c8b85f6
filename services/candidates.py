"""Subjects that an index leads to, because they may be what is looked for."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from models.event import LifecycleEvent
from models.types import MAX_ID_LENGTH, START_LENGTH, escape_text, start_of
from models.vocabulary import SubjectType
from schemas.subject_list import SubjectPosition, SubjectsQuery
from services.profile import OF_TOPICS

ALL_APPS = "all"  # comes after every SDKAppID, as those are digits
LAST_CHARACTER = "\U0010ffff"

LATER = aliased(LifecycleEvent)
# Whom the subject of an event was last said to belong to, be it in an earlier life.
LAST_OWNER = (
    sa.select(LATER.owner)
    .where(
        LATER.subject_type == LifecycleEvent.subject_type,
        LATER.subject_id == LifecycleEvent.subject_id,
        LATER.sdk_app_id == LifecycleEvent.sdk_app_id,
        LATER.owner.is_not(None),
        LATER.action.not_in(OF_TOPICS),
    )
    .order_by(LATER.occurred_at.desc(), LATER.received_at.desc(), LATER.id.desc())
    .limit(1)
    .scalar_subquery()
)

Candidate = tuple[str, str]  # start of a name, or nothing where the order is by ID; and an ID


def fetch_candidates(
    session: Session,
    kind: SubjectType,
    query: SubjectsQuery,
    after: SubjectPosition | None,
    chunk: int,
) -> Sequence[Candidate]:
    """Fetch the next candidates; the last one again if other apps may have a subject of its ID."""
    subject_id, name_start = LifecycleEvent.subject_id, LifecycleEvent.name_start
    begun = after is not None and after.sdk_app_id != ALL_APPS
    if query.is_by_name:
        start = start_of(query.filters["name"])
        rows = sa.select(name_start, subject_id).order_by(name_start, subject_id)
        rows = rows.where(begins_with(name_start, start, START_LENGTH))
        if after is not None:
            here, there = sa.tuple_(name_start, subject_id), (after.name_start, after.subject_id)
            rows = rows.where(name_start >= after.name_start)
            rows = rows.where(here >= there if begun else here > there)
    else:
        rows = sa.select(sa.literal(""), subject_id).order_by(subject_id)
        if "id" in query.filters:
            start = escape_text(query.filters["id"])
            rows = rows.where(begins_with(subject_id, start, MAX_ID_LENGTH))
        if after is not None:
            later = subject_id > after.subject_id
            rows = rows.where(subject_id >= after.subject_id if begun else later)
        if "owner" in query.filters:
            owner = LifecycleEvent.owner
            rows = rows.where(owner == query.filters["owner"], owner == LAST_OWNER)
    rows = rows.where(LifecycleEvent.subject_type == kind).distinct().limit(chunk)
    return [(str(start), one) for start, one in session.execute(rows)]


def begins_with(
    column: InstrumentedAttribute[Any], start: str, length: int
) -> sa.ColumnElement[bool]:
    """Bound a column to texts that begin so: one range of an index in the order of code points.

    Args:
        column: of so many characters at most.
        start: as it is stored.
        length: that of the column.
    """
    last = start.ljust(length, LAST_CHARACTER)
    return column.between(sa.literal(start, sa.String), sa.literal(last, sa.String))
