"""The page of a user."""

from functools import partial

from flask import abort, render_template
from flask.typing import ResponseReturnValue

from blueprints.api.operation import answer_page
from blueprints.api.runtime import runtime
from blueprints.console.arguments import read_arguments
from blueprints.console.pages.system import fetch_last_readers
from blueprints.console.shell import bp
from schemas.api.history import UserQuerySchema
from services.lists.belonging import fetch_joined, fetch_owned
from services.lists.effects import add_effects
from services.reading.facets import MOST_COUNTED
from services.reading.users import count_roles, fetch_user_events


@bp.get("/users/<subject_id:user_id>")
def show_user(user_id: str) -> ResponseReturnValue:
    """Show the subjects that a user owns or has joined, and all events that name the user."""
    query = UserQuerySchema().load(read_arguments())
    with runtime().connect() as connection:
        counts = count_roles(connection, user_id)
        if not any(counts.values()):
            abort(404)
        page = answer_page(query, partial(fetch_user_events, connection, user_id))
        add_effects(connection, page["items"])
        readings = fetch_last_readers(connection, "user_id", user_id)
        owned, joined = fetch_owned(connection, user_id), fetch_joined(connection, user_id)
    return render_template(
        "console/user.html",
        user_id=user_id,
        counts=counts,
        most=MOST_COUNTED,
        page=page,
        owned=owned,
        joined=joined,
        readings=readings,
    )
