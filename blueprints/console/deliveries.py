"""What was sent: deliveries, one with its bytes, and what was refused."""

from flask import Response, abort, render_template
from flask.typing import ResponseReturnValue

from blueprints.console.arguments import read_arguments
from blueprints.console.evidence import describe, write_curl
from blueprints.console.shell import bp
from blueprints.operation import ROW_ID, answer_page
from blueprints.runtime import runtime
from models.vocabulary import Verdict
from schemas.deliveries import DeliveryQuerySchema, QuarantineQuerySchema
from schemas.registry import LIFECYCLE_SCHEMAS
from services.deliveries import fetch_deliveries, fetch_delivery
from services.history import fetch_event_of
from services.quarantine import fetch_quarantine, fetch_quarantined


@bp.get("/deliveries")
def list_deliveries() -> ResponseReturnValue:
    """Show a page of deliveries."""
    query = DeliveryQuerySchema().load(read_arguments())
    with runtime().database.reads() as session:
        page = answer_page(query, fetch_deliveries(session, query))
    return render_template(
        "console/deliveries.html",
        page=page,
        filters=query.filters,
        verdicts=Verdict,
        commands=LIFECYCLE_SCHEMAS,
    )


@bp.get(f"/deliveries/<{ROW_ID}:delivery_id>")
def show_delivery(delivery_id: int) -> ResponseReturnValue:
    """Show one delivery: what it says, what became of it, and how to send it again."""
    with runtime().database.reads() as session:
        delivery = fetch_delivery(session, delivery_id) or abort(404)
        event = fetch_event_of(session, delivery["duplicate_of"] or delivery_id)
    return render_template(
        "console/delivery.html",
        delivery=delivery,
        event=event,
        curl=write_curl(delivery),
        **describe(delivery),
    )


@bp.get(f"/deliveries/<{ROW_ID}:delivery_id>/body")
def show_body(delivery_id: int) -> ResponseReturnValue:
    """Give the bytes of a body, for a file: a browser does not look into them."""
    with runtime().database.reads() as session:
        delivery = fetch_delivery(session, delivery_id) or abort(404)
    response = Response(delivery["body"], mimetype="application/octet-stream")
    response.headers.set("Content-Disposition", "attachment", filename=f"delivery-{delivery_id}")
    return response


@bp.get("/quarantine")
def list_quarantine() -> ResponseReturnValue:
    """Show a page of refused requests."""
    query = QuarantineQuerySchema().load(read_arguments())
    with runtime().database.reads() as session:
        page = answer_page(query, fetch_quarantine(session, query))
    return render_template("console/quarantine.html", page=page, filters=query.filters)


@bp.get(f"/quarantine/<{ROW_ID}:request_id>")
def show_quarantined(request_id: int) -> ResponseReturnValue:
    """Show one refused request."""
    with runtime().database.reads() as session:
        refused = fetch_quarantined(session, request_id) or abort(404)
    return render_template("console/quarantined.html", refused=refused, **describe(refused))
