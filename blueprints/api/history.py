"""The history of all channels and groups."""

from functools import partial
from typing import Any

from flask import abort

from blueprints.api.access import bp, may_read
from blueprints.api.operation import answer_page, operation
from blueprints.api.readings import name_subject
from blueprints.api.runtime import runtime
from config import Scope
from schemas.api.history import EventDetailSchema, EventPageSchema, HistoryQuerySchema
from schemas.api.page import PageQuery
from services.reading.history import fetch_event, fetch_history


@bp.get("/history")
@operation(EventPageSchema, query=HistoryQuerySchema)
def show_history(query: PageQuery) -> dict[str, Any]:
    """List lifecycle events, newest first."""
    with runtime().connect() as connection:
        return answer_page(query, partial(fetch_history, connection))


@bp.get("/history/<row_id:event_id>")
@operation(EventDetailSchema)
def show_event(event_id: int) -> dict[str, Any]:
    """Show one event with its delivery, and the raw body to a holder of ``raw``."""
    with runtime().connect() as connection:
        event = fetch_event(connection, event_id, is_raw=may_read(Scope.RAW))
    if event is None:
        abort(404, f"No event has the ID {event_id}.")
    name_subject(event["subject_id"])
    return event
