"""The lists: events, channels, groups, deliveries, refused requests and acts of reading."""

from collections.abc import Callable
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints.api.operation import answer_page
from blueprints.api.runtime import runtime
from blueprints.console.arguments import read_arguments
from blueprints.console.shell import bp
from models.vocabulary import Action, Refusal, SubjectType, Verdict
from schemas.api.deliveries import DeliveryQuerySchema, QuarantineQuerySchema
from schemas.api.history import HistoryQuerySchema
from schemas.api.page import PagedQuerySchema, PageQuery
from schemas.api.readings import ReadingQuerySchema
from schemas.api.subjects import SubjectListSchema
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from services.lists.effects import fetch_events_with_effects
from services.lists.subjects import count_subjects, fetch_subjects
from services.reading.deliveries import (
    count_delivery_facets,
    count_refused_facets,
    fetch_deliveries,
    fetch_quarantine_list,
)
from services.reading.facets import Facets
from services.reading.history import count_event_facets
from services.reading.pages import Page
from services.reading.readings import fetch_readings

Fetch = Callable[[sa.Connection, PageQuery], Page]
Count = Callable[[sa.Connection, PageQuery], Facets]


@bp.get("/events")
def list_events() -> ResponseReturnValue:
    """Show a page of events."""
    words = {"kinds": SubjectType, "actions": Action}
    schema = HistoryQuerySchema()
    return show_list("events", schema, fetch_events_with_effects, count_event_facets, **words)


@bp.get("/channels", endpoint="list_channels", defaults={"kind": SubjectType.CHANNEL})
@bp.get("/groups", endpoint="list_groups", defaults={"kind": SubjectType.GROUP})
def list_subjects(kind: SubjectType) -> ResponseReturnValue:
    """Show a page of subjects as they are now."""
    fetch, count = partial(fetch_subjects, kind=kind), partial(count_subjects, kind=kind)
    return show_list("subjects", SubjectListSchema(), fetch, count, kind=kind)


@bp.get("/deliveries")
def list_deliveries() -> ResponseReturnValue:
    """Show a page of deliveries."""
    words = {"verdicts": Verdict, "commands": LIFECYCLE_SCHEMAS}
    schema = DeliveryQuerySchema()
    return show_list("deliveries", schema, fetch_deliveries, count_delivery_facets, **words)


@bp.get("/quarantine")
def list_quarantine() -> ResponseReturnValue:
    """Show a page of refused requests."""
    schema, fetch = QuarantineQuerySchema(), fetch_quarantine_list
    return show_list("quarantine", schema, fetch, count_refused_facets, reasons=Refusal)


@bp.get("/readings")
def list_readings() -> ResponseReturnValue:
    """Show a page of acts of reading."""
    return show_list("readings", ReadingQuerySchema(), fetch_readings)


def show_list(
    name: str, schema: PagedQuerySchema, fetch: Fetch, count: Count | None = None, **words: Any
) -> ResponseReturnValue:
    """Show a page of a list, with counts; ``words`` are for its template."""
    query = schema.load(read_arguments())
    with runtime().connect() as connection:
        page = answer_page(query, partial(fetch, connection))
        facets = count(connection, query) if count else None
    return render_template(
        f"console/{name}.html", page=page, facets=facets, filters=query.filters, **words
    )
