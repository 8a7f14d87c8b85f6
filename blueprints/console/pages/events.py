"""The list of events, and links to each of them."""

from functools import partial

from flask import abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.api.operation import answer_page
from blueprints.api.readings import name_subject
from blueprints.api.runtime import runtime
from blueprints.console.arguments import read_arguments
from blueprints.console.shell import bp
from models.vocabulary import Action, SubjectType
from schemas.api.lists import EventListSchema
from services.lists.effects import add_effects
from services.reading.history import count_event_facets, fetch_event_list, fetch_events_by_id


@bp.get("/events")
def list_events() -> ResponseReturnValue:
    """Show a page of events, with counts."""
    query = EventListSchema().load(read_arguments())
    with runtime().connect() as connection:
        page = answer_page(query, partial(fetch_event_list, connection))
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


@bp.get("/events/<row_id:event_id>")
def show_event(event_id: int) -> ResponseReturnValue:
    """Redirect to an event in the timeline of its subject."""
    with runtime().connect() as connection:
        event = fetch_events_by_id(connection, [event_id]).get(event_id) or abort(404)
    name_subject(event["subject_id"])
    address = url_for(
        f"console.show_{event['subject_type']}",
        subject_id=event["subject_id"],
        sdk_app_id=event["sdk_app_id"],
        event=event_id,
        _anchor=f"event-{event_id}",
    )
    return redirect(address)
