"""The reading blueprint: what happened to every channel and group."""

from typing import Any

from flask import Blueprint, abort

from blueprints.access import require_api_key
from blueprints.operation import ROW_ID, answer_page, operation
from blueprints.runtime import runtime
from schemas.history import EventDetailSchema, EventPageSchema, HistoryQuerySchema
from schemas.page import PageQuery
from services.history import fetch_event, fetch_history

bp = Blueprint("history", __name__)
bp.before_request(require_api_key)


@bp.get("/history")
@operation(EventPageSchema, query=HistoryQuerySchema)
def show_history(query: PageQuery) -> dict[str, Any]:
    """List lifecycle events, newest first."""
    with runtime().database.reads() as session:
        return answer_page(query, fetch_history(session, query))


@bp.get(f"/history/<{ROW_ID}:event_id>")
@operation(EventDetailSchema)
def show_event(event_id: int) -> dict[str, Any]:
    """Show one event with its delivery and raw body."""
    with runtime().database.reads() as session:
        return fetch_event(session, event_id) or abort(404, f"No event has the ID {event_id}.")
