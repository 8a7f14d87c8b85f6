"""The list of events."""

from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints.api.operation import answer_page
from blueprints.api.runtime import runtime
from blueprints.console.arguments import read_arguments
from blueprints.console.shell import bp
from models.vocabulary import Action, SubjectType
from schemas.api.lists import EventListSchema
from services.lists.effects import add_effects
from services.reading.history import count_event_facets, fetch_event_list


@bp.get("/events")
def list_events() -> ResponseReturnValue:
    """Show a page of events, and count what there is."""
    query = EventListSchema().load(read_arguments())
    with runtime().connect() as connection:
        page = answer_page(query, fetch_event_list(connection, query))
        add_effects(connection, page["items"])
        facets = count_event_facets(connection, query)
    return render_template(
        "console/events.html",
        page=page,
        facets=facets,
        filters=query.filters,
        kinds=SubjectType,
        actions=Action,
    )
