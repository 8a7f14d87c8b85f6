"""The list of events."""

from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints.api.operation import answer_page
from blueprints.api.runtime import runtime
from blueprints.console.arguments import read_arguments
from blueprints.console.shell import bp
from models.vocabulary import Action, SubjectType
from schemas.api.history import HistoryQuerySchema
from services.reading.history import fetch_event_list


@bp.get("/events")
def list_events() -> ResponseReturnValue:
    """Show a page of events."""
    query = HistoryQuerySchema().load(read_arguments())
    with runtime().connect() as connection:
        page = answer_page(query, fetch_event_list(connection, query))
    return render_template(
        "console/events.html",
        page=page,
        filters=query.filters,
        kinds=SubjectType,
        actions=Action,
    )
