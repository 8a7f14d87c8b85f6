"""What happened, by whom, to whom: all events that pass some filters."""

from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints.console.arguments import read_arguments
from blueprints.console.shell import bp
from blueprints.operation import answer_page
from blueprints.runtime import runtime
from models.vocabulary import Action, SubjectType
from schemas.history import HistoryQuerySchema
from services.history import fetch_history_without_members
from services.members import count_members


@bp.get("/events")
def list_events() -> ResponseReturnValue:
    """Show a page of events."""
    query = HistoryQuerySchema().load(read_arguments())
    with runtime().database.reads() as session:
        page = answer_page(query, fetch_history_without_members(session, query))
        count_members(session, page["items"])
    return render_template(
        "console/events.html",
        page=page,
        filters=query.filters,
        kinds=SubjectType,
        actions=Action,
    )
