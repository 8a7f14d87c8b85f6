"""The console until the first callback arrives."""

from flask import redirect, render_template, url_for
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
    """Show, as part of a page, what was refused so far; redirect once a callback has arrived."""
    with runtime().connect() as connection:
        delivery_id, refused = fetch_first(connection)
    if delivery_id is not None:
        return redirect(url_for(".show_overview"))
    return render_template("console/first.html", refused=refused)
