"""List channels or groups by what they are now."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from models.event import LifecycleEvent
from models.types import start_of
from models.vocabulary import SubjectType
from schemas.subject_list import SubjectPosition, SubjectsQuery
from services.candidates import ALL_APPS, Candidate, fetch_candidates
from services.event import Event
from services.lives import find_last_life
from services.pages import Row
from services.states import State, describe_states
from services.subject_events import COLUMNS, IN_ORDER, Subject

LEAST_CHUNK, LARGEST_CHUNK = 20, 200
MAX_EXAMINED = 1000  # candidates for one page, so that a rare match does not hold up a reader


@dataclass(frozen=True)
class SubjectPage:
    """States of one page, and where the next one starts, if there may be one."""

    items: Sequence[Row]
    next: SubjectPosition | None


def fetch_subjects(session: Session, kind: SubjectType, query: SubjectsQuery) -> SubjectPage:
    """Fetch a page of subjects by ID, or by name and ID where a name is looked for.

    What a subject is follows from its events alone. So an index leads to candidates, those that
    were or may be what is looked for; their events are added up, and what they are decides. A page
    ends early, and may be empty, once many were looked at: the next one goes on from there.
    """
    found: list[State] = []
    states: dict[str, list[State]] = {}
    after, examined = query.after, 0
    # All events of an owner are read for each chunk.
    chunk = LARGEST_CHUNK if "owner" in query.filters else max(query.limit + 1, LEAST_CHUNK)
    while examined < MAX_EXAMINED:
        chunk = min(chunk, LARGEST_CHUNK)
        candidates = fetch_candidates(session, kind, query, after, chunk)
        subject_ids = {subject_id for _, subject_id in candidates}
        # One that had many names is a candidate by each.
        states |= fetch_states(session, kind, subject_ids - states.keys(), query)
        for place, state in to_places(candidates, states):
            if after is not None and place.is_passed_by(after):
                continue
            if passes(state, place, query):
                if len(found) == query.limit:
                    return SubjectPage(describe_states(session, found), after)
                found.append(state)
            after = place
        if len(candidates) < chunk:
            return SubjectPage(describe_states(session, found), None)
        examined += chunk
        chunk *= 2  # whoever found little has much to look at
        after = SubjectPosition(*candidates[-1], ALL_APPS)
    return SubjectPage(describe_states(session, found), after)


def fetch_states(
    session: Session, kind: SubjectType, subject_ids: Iterable[str], query: SubjectsQuery
) -> dict[str, list[State]]:
    """Add up the events of some subjects; give the states by ID, those of several apps by app."""
    events = (
        sa.select(LifecycleEvent.subject_id, *COLUMNS)
        .where(
            LifecycleEvent.subject_type == kind,
            LifecycleEvent.subject_id.in_(subject_ids),
        )
        .order_by(*IN_ORDER)
    )
    if "sdk_app_id" in query.filters:
        events = events.where(LifecycleEvent.sdk_app_id == query.filters["sdk_app_id"])
    histories: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for subject_id, *row in session.execute(events):
        event = Event._make(row)
        histories[subject_id, event.sdk_app_id].append(event)
    states: dict[str, list[State]] = {subject_id: [] for subject_id in subject_ids}
    for (subject_id, _), history in sorted(histories.items()):
        if life := find_last_life(history):
            states[subject_id].append(State.of(Subject(kind, subject_id), life))
    return states


def to_places(
    candidates: Iterable[Candidate], states: Mapping[str, Sequence[State]]
) -> Iterator[tuple[SubjectPosition, State]]:
    """Give the states of some candidates in the order given, each with its place in the list."""
    for start, subject_id in candidates:
        for state in states[subject_id]:
            yield SubjectPosition(start, subject_id, str(state.subject.sdk_app_id)), state


def passes(state: State, place: SubjectPosition, query: SubjectsQuery) -> bool:
    """Tell whether a subject is what is looked for, by the name it is found by."""
    name, owner = state.fields.get("name"), state.fields.get("owner")
    wanted = query.filters
    return (
        wanted.get("status") in (None, state.status)
        and state.subject.id.startswith(wanted.get("id", ""))
        and ("owner" not in wanted or (owner is not None and owner.value == wanted["owner"]))
        and ("name" not in wanted or (name is not None and name.value.startswith(wanted["name"])))
        and (
            not query.is_by_name or (name is not None and start_of(name.value) == place.name_start)
        )
    )
