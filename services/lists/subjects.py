"""Channels and groups as they are now: lists and counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from models.event import PresentState
from models.text import escape_text, start_of
from models.types import begins_with
from models.vocabulary import SubjectType
from schemas.api.page import Order, PageQuery
from services.reading.facets import Facets, sum_up
from services.reading.pages import Page, Rows, SortKey, fetch_page, keep_equal
from services.subjects.present import read_state
from services.subjects.states import STATES

STATUSES = ("active", "destroyed")
SORT_KEYS: Mapping[str, SortKey] = {
    "changed": (PresentState.changed_at, PresentState.last_event_id),
    "created": (PresentState.created_at, PresentState.created_event_id),
    "ended": (PresentState.destroyed_at, PresentState.destroyed_event_id),
    "id": (PresentState.subject_id, PresentState.sdk_app_id),
    "name": (PresentState.name_start, PresentState.subject_id, PresentState.sdk_app_id),
}
BY_STATUS = {"changed", "created"}  # the orders whose indexes begin with the status
NARROWING = {"created", "ended"}  # the orders that leave some subjects out: see ``narrow``
COUNTED = PresentState.__table__.c["status", "sdk_app_id", "group_type"]
EQUAL = (PresentState.owner, PresentState.group_type, PresentState.sdk_app_id)
MOST_OWNERS = 8  # the owners that are counted one by one


@dataclass(frozen=True)
class SubjectFacets(Facets):
    """How many subjects of a list have each value; of owners, only the most frequent are counted.

    Attributes:
        statuses: by status, even if the list is narrowed to one.
    """

    statuses: Mapping[str, int]


def fetch_subjects(connection: sa.Connection, query: PageQuery, kind: SubjectType) -> Page:
    """Return a page of the present states of subjects, in the order that the query names."""
    sort = query.filters["sort"]
    rows = narrow(filter_subjects(STATES, kind, query), query)
    alternatives = [rows]
    if sort in BY_STATUS and "status" not in query.filters:
        alternatives = [rows.where(PresentState.status == status) for status in STATUSES]
    order = Order.ASC if sort in ("id", "name") else Order.DESC
    in_order = replace(query, filters={**query.filters, "order": order})
    page = fetch_page(connection, alternatives, in_order, sort_key=SORT_KEYS[sort])
    return replace(page, items=[read_state(row) for row in page.items])


def count_subjects(connection: sa.Connection, query: PageQuery, kind: SubjectType) -> SubjectFacets:
    """Count the subjects of all pages by status, type, app and owner."""
    numbers = filter_subjects(sa.select(*COUNTED, sa.func.count()), kind, query).group_by(*COUNTED)
    every = kept = connection.execute(numbers).all()
    statuses = sum_up((row[0], row[-1]) for row in every)
    if "status" in query.filters or query.filters["sort"] in NARROWING:
        kept = connection.execute(narrow(numbers, query)).all()
    counts: dict[str, Sequence[tuple[Any, int]]] = {
        column.key: sum_up((row[place], row[-1]) for row in kept)
        for place, column in enumerate(COUNTED[1:], 1)
    }
    counts["owner"] = find_owners(connection, kind, query)
    return SubjectFacets(sum(row[-1] for row in kept), False, counts, dict(statuses))


def find_owners(
    connection: sa.Connection, kind: SubjectType, query: PageQuery
) -> list[tuple[str | None, int]]:
    """Find the users who own most of the subjects that pass all filters, each with a count."""
    columns: list[Any] = [PresentState.owner, sa.func.count().label("number")]
    rows = narrow(filter_subjects(sa.select(*columns), kind, query), query).group_by(columns[0])
    most = rows.order_by(columns[1].desc(), columns[0]).limit(MOST_OWNERS)
    return [(row.owner, row.number) for row in connection.execute(most)]


def count_all_subjects(connection: sa.Connection) -> dict[tuple[str, str, str], int]:
    """Count all subjects by app, type and status."""
    values = (PresentState.sdk_app_id, PresentState.subject_type, PresentState.status)
    found = connection.execute(sa.select(*values, sa.func.count()).group_by(*values))
    return {(app, kind, status): number for app, kind, status, number in found}


def filter_subjects(rows: Rows, kind: SubjectType, query: PageQuery) -> Rows:
    """Keep the subjects that pass all filters except the one by status."""
    wanted = query.filters
    rows = keep_equal(rows.where(PresentState.subject_type == kind), query, *EQUAL)
    if wanted.get("id"):
        start = escape_text(wanted["id"])
        rows = rows.where(begins_with(PresentState.subject_id, start))
    if "name" in wanted:
        name, start = escape_text(wanted["name"]), start_of(wanted["name"])
        rows = rows.where(begins_with(PresentState.name_start, start))
        if name != start:
            begins = sa.func.substr(sa.type_coerce(PresentState.name, sa.Text), 1, len(name))
            rows = rows.where(begins == name)
    return rows


def narrow(rows: Rows, query: PageQuery) -> Rows:
    """Keep the subjects that have the requested status and a place in the order."""
    rows = keep_equal(rows, query, PresentState.status)
    if query.filters["sort"] == "ended":
        return rows.where(PresentState.status == "destroyed")
    if query.filters["sort"] == "created":
        return rows.where(PresentState.created_at.is_not(None))
    return rows
