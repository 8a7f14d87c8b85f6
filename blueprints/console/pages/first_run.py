"""The console until the first callback arrives."""

from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints.api.runtime import runtime
from blueprints.console.shell import bp
from services.reading.deliveries import fetch_first


@bp.app_template_global()
def address_receiver() -> str:
    """Return the address at which the receiver takes callbacks on its own machine."""
    return f"http://127.0.0.1:{runtime().settings.receiver_port}/callback"


@bp.get("/first")
def show_first() -> ResponseReturnValue:
    """Show, as part of a page, whether a callback has arrived, and what was refused instead."""
    with runtime().connect() as connection:
        delivery_id, refused = fetch_first(connection)
    return render_template("console/first.html", delivery_id=delivery_id, refused=refused)
