"""List channels or groups by ID or by name, and fetch the present lives of any."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from models.event import LifecycleEvent
from models.text import MAX_ID_LENGTH, START_LENGTH, escape_text, start_of
from models.types import begins_with
from models.vocabulary import OF_TOPICS, SubjectType
from schemas.api.cursor import SubjectPosition
from schemas.api.page import SubjectsQuery
from services.reading.pages import ListPage
from services.subjects.events import read_histories
from services.subjects.lives import Life, find_last_life
from services.subjects.states import describe_states

LEAST_CHUNK, LARGEST_CHUNK = 20, 200
MAX_EXAMINED = 1000  # candidates for one page, so that a rare match ends within a moment
ALL_APPS = "all"  # comes after every SDKAppID, as those are digits

LATER = LifecycleEvent.__table__.alias("later").c
# The owner that was reported last for the subject of an event, be it in an earlier life.
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

SubjectPage = ListPage[SubjectPosition]
Candidate = tuple[str, str]  # start of a name, or nothing where the order is by ID; and an ID


def fetch_subjects(
    connection: sa.Connection, kind: SubjectType, query: SubjectsQuery
) -> SubjectPage:
    """Return a page of subjects by ID, or by name and ID where the query has a name.

    The state of a subject follows from its events alone. So an index finds candidates, subjects
    that match or once matched; their events are replayed, and their present states decide. A page
    ends early, and may be empty, after ``MAX_EXAMINED``: the next one goes on from there.
    """
    found: list[tuple[str, Life]] = []
    lives: dict[str, list[Life]] = {}
    after, examined = query.after, 0
    # Each chunk reads all events of an owner.
    chunk = LARGEST_CHUNK if "owner" in query.filters else max(query.limit + 1, LEAST_CHUNK)
    while examined < MAX_EXAMINED:
        chunk = min(chunk, LARGEST_CHUNK)
        candidates = fetch_candidates(connection, kind, query, after, chunk)
        # A subject that had several names is a candidate by each.
        unknown = {subject_id for _, subject_id in candidates} - lives.keys()
        lives |= fetch_lives(connection, kind, unknown, query.filters.get("sdk_app_id"))
        for start, subject_id in candidates:
            for life in lives[subject_id]:
                place = SubjectPosition(start, subject_id, life.sdk_app_id)
                if after is not None and place[:2] == after[:2] and place[2] <= after[2]:
                    continue
                if passes(life, place, query.filters):
                    if len(found) == query.limit:
                        return SubjectPage(describe_states(connection, kind, found), after)
                    found.append((subject_id, life))
                after = place
        if len(candidates) < chunk:
            after = None
            break
        examined += chunk
        chunk *= 2  # few matches so far: there is much to examine
        after = SubjectPosition(*candidates[-1], ALL_APPS)
    return SubjectPage(describe_states(connection, kind, found), after)


def fetch_candidates(
    connection: sa.Connection,
    kind: SubjectType,
    query: SubjectsQuery,
    after: SubjectPosition | None,
    chunk: int,
) -> Sequence[Candidate]:
    """Return the next candidates; the last one again if other apps may have a subject of its ID."""
    wanted, subject_id = query.filters, LifecycleEvent.subject_id
    rows = sa.select(sa.literal(""), subject_id).where(LifecycleEvent.subject_type == kind)
    key: list[InstrumentedAttribute[Any]] = [subject_id]
    if wanted.get("name") and "owner" not in wanted:  # an owner has few enough to examine all
        key = [LifecycleEvent.name_start, subject_id]
        rows = rows.with_only_columns(*key)
        rows = rows.where(begins_with(key[0], start_of(wanted["name"]), START_LENGTH))
    elif "id" in wanted:
        rows = rows.where(begins_with(subject_id, escape_text(wanted["id"]), MAX_ID_LENGTH))
    if "owner" in wanted:
        owner = LifecycleEvent.owner
        rows = rows.where(owner == wanted["owner"], owner == LAST_OWNER)
    if after is not None:
        last = (after.name_start, after.subject_id)[-len(key) :]
        here, there = sa.tuple_(*key), sa.tuple_(*last, types=[one.type for one in key])
        follows = here > there if after.sdk_app_id == ALL_APPS else here >= there
        rows = rows.where(key[0] >= last[0], follows)
    found = connection.execute(rows.order_by(*key).distinct().limit(chunk))
    return [(str(start), one) for start, one in found]


def fetch_lives(
    connection: sa.Connection,
    kind: SubjectType,
    subject_ids: Iterable[str],
    sdk_app_id: str | None = None,
) -> dict[str, list[Life]]:
    """Return the last lives of some subjects by ID, those of one ID in order of their apps."""
    lives: dict[str, list[Life]] = {subject_id: [] for subject_id in subject_ids}
    histories = read_histories(connection, kind, lives, sdk_app_id=sdk_app_id)
    for subject_id, _, events in histories:
        if life := find_last_life(events):
            lives[subject_id].append(life)
    return lives


def passes(life: Life, place: SubjectPosition, filters: Mapping[str, str]) -> bool:
    """Tell whether a subject passes the filters, by the name that led to it."""
    name = life.values.get("Name", "")
    return (
        filters.get("status") in (None, life.status)
        and filters.get("owner") in (None, life.values.get("Owner_Account"))
        and place.subject_id.startswith(filters.get("id", ""))
        and name.startswith(filters.get("name", ""))
        and place.name_start in ("", start_of(name))
    )
