"""List channels or groups by the time of their last change, of their creation, or of their end."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from models.event import LifecycleEvent
from models.vocabulary import Action, SubjectType
from schemas.api.cursor import Position
from schemas.api.page import Order, PageQuery
from services.lists.by_name import fetch_lives
from services.reading.history import EVENT_KEY
from services.reading.pages import Page, Row, keep_equal, select_in_order
from services.subjects.lives import Life
from services.subjects.states import describe_states

# For one page, so that it ends within a moment: thousands of one busy group may be in a row.
MOST_SCANNED = 6_000  # events
MOST_REPLAYED = 400  # subjects
SLICE = 20  # subjects that are replayed together
PLACES = sa.select(
    *LifecycleEvent.__table__.c["occurred_at", "id", "action", "subject_id", "sdk_app_id"]
)
# The events that place subjects in a list, by what sorts it; those of a last change are all.
ACTIONS = {"created": Action.CREATED, "ended": Action.DESTROYED}
LATER = LifecycleEvent.__table__.alias("later").c
Found = Sequence[tuple[Row, Life]]  # where a subject stands, and its present life


def fetch_recent_subjects(connection: sa.Connection, kind: SubjectType, query: PageQuery) -> Page:
    """Return a page of the states of subjects, each in the place of the last event that sorts it.

    An index has the events in order. A page ends early, and may be empty, after as many of them as
    can be looked at within a moment: the next one goes on from there.
    """
    found: list[tuple[Row, Life]] = []
    after, scanned, replayed, chunk = query.after, 0, 0, query.limit + 1
    while scanned < MOST_SCANNED:
        rows = fetch_places(connection, kind, replace(query, after=after, limit=chunk))
        for row, life in follow(connection, kind, rows, query.filters):
            if life is not None:
                is_found = passes(life, query.filters)
                if replayed == MOST_REPLAYED or (is_found and len(found) == query.limit):
                    return lay_out(connection, kind, query, found, after)
                replayed += 1
                if is_found:
                    found.append((row, life))
            after = Position(row["occurred_at"], row["id"])
        if len(rows) < chunk:
            return lay_out(connection, kind, query, found, None)
        scanned, chunk = scanned + chunk, 2 * chunk
    return lay_out(connection, kind, query, found, after)


def fetch_places(connection: sa.Connection, kind: SubjectType, query: PageQuery) -> Sequence[Row]:
    """Return the next events that may place a subject, and whether each is the last of its own."""
    in_order = replace(query, filters={**query.filters, "order": Order.DESC})
    rows = keep_equal(PLACES, query, LifecycleEvent.sdk_app_id)
    rows = rows.where(LifecycleEvent.subject_type == kind)
    # Of any action, an index that begins with the kind has all events of a subject in no order of
    # time; behind a function, the kind leads to none.
    of_kind = [sa.func.lower(LATER.subject_type) == kind]
    if action := ACTIONS.get(query.filters["sort"]):
        rows = rows.where(LifecycleEvent.action == action)
        of_kind = [LATER.subject_type == kind, LATER.action == action]
    place = select_in_order([rows], in_order, sort_key=EVENT_KEY, limit=query.limit).subquery().c
    has_later = sa.exists().where(
        *of_kind,
        LATER.subject_id == place.subject_id,
        LATER.sdk_app_id == place.sdk_app_id,
        LATER.occurred_at >= place.occurred_at,
        sa.or_(LATER.occurred_at > place.occurred_at, LATER.id > place.id),
    )
    found = connection.execute(sa.select(*place, has_later.label("has_later"))).mappings()
    rows_in_order = sorted(found, key=lambda row: (row["occurred_at"], row["id"]))
    return [dict(row) for row in rows_in_order[:: 1 if query.is_backward else -1]]


def follow(
    connection: sa.Connection, kind: SubjectType, rows: Sequence[Row], filters: Mapping[str, Any]
) -> Iterator[tuple[Row, Life | None]]:
    """Yield each row with the present life of its subject, unless it can't place that subject."""
    for start in range(0, len(rows), SLICE):
        part = rows[start : start + SLICE]
        ids = {row["subject_id"] for row in part if may_place(row, filters)}
        lives = fetch_lives(connection, kind, ids, filters.get("sdk_app_id")) if ids else {}
        of_apps = {(one, life.sdk_app_id): life for one in ids for life in lives[one]}
        for row in part:
            key = (row["subject_id"], row["sdk_app_id"])
            yield row, of_apps[key] if may_place(row, filters) else None


def may_place(row: Row, filters: Mapping[str, Any]) -> bool:
    """Tell whether an event may place its subject: it is the last, and no end of an active one."""
    is_end = row["action"] == Action.DESTROYED
    return not row["has_later"] and not (is_end and filters.get("status") == "active")


def passes(life: Life, filters: Mapping[str, Any]) -> bool:
    """Tell whether a subject has the status that is asked for, and the time that sorts the list."""
    times = {"created": life.created_by, "ended": life.destroyed_by}
    is_timed = times.get(filters["sort"], life.last_event_id) is not None
    return is_timed and filters.get("status") in (None, life.status)


def lay_out(
    connection: sa.Connection,
    kind: SubjectType,
    query: PageQuery,
    found: Found,
    place: Position | None,
) -> Page:
    """Return the page of the subjects found; the list goes on, in its direction, from a place."""
    rows = found[::-1] if query.is_backward else found
    states = describe_states(connection, kind, [(row["subject_id"], life) for row, life in rows])
    if not rows:
        return Page([], None, place) if query.is_backward else Page([], place)
    first, last = (Position(row["occurred_at"], row["id"]) for row, _ in (rows[0], rows[-1]))
    if query.is_backward:
        return Page(states, last, place)
    return Page(states, place, None if query.after is None else first)
