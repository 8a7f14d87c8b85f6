"""What was sent: deliveries, one with its bytes, and what was refused."""

import json
import shlex
from base64 import b64encode
from collections.abc import Mapping
from string import punctuation
from typing import Any
from urllib.parse import parse_qsl, quote

from flask import Response, abort, render_template, request
from flask.typing import ResponseReturnValue

from blueprints.console.arguments import read_arguments
from blueprints.console.shell import bp
from blueprints.operation import ROW_ID, answer_page
from blueprints.runtime import runtime
from models.vocabulary import Verdict
from schemas.deliveries import DeliveryQuerySchema, QuarantineQuerySchema
from schemas.registry import LIFECYCLE_SCHEMAS
from schemas.strict_json import UnreadableError, parse_json
from services.deliveries import fetch_deliveries, fetch_delivery
from services.history import fetch_event, find_event_id
from services.quarantine import fetch_quarantine

PRINTABLE = frozenset(range(0x20, 0x7F))


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
        event_id = find_event_id(session, delivery["duplicate_of"] or delivery_id)
        event = None if event_id is None else fetch_event(session, event_id)
    return render_template(
        "console/delivery.html",
        delivery=delivery,
        event=event,
        query=parse_qsl(delivery["query_string"], keep_blank_values=True),
        pretty=write_pretty(delivery["body"]),
        text=delivery["body"].decode(errors="backslashreplace"),
        curl=write_curl(delivery),
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


def write_pretty(body: bytes) -> str | None:
    """Lay out a body that is JSON; none if it is not."""
    try:
        return json.dumps(parse_json(body), ensure_ascii=False, indent=2)
    except UnreadableError:
        return None


def write_curl(delivery: Mapping[str, Any]) -> str:
    """Write the command that sends a delivery again, its bytes and its signature as they were.

    What a terminal would obey or curl would take for a file's name goes through base64.
    """
    query = quote(delivery["query_string"].encode("latin-1", "replace"), safe=punctuation)
    address = shlex.quote(f"{request.host_url}callback?{query}")
    body: bytes = delivery["body"]
    if PRINTABLE.issuperset(body) and not body.startswith(b"@"):
        return f"curl -g {address} --data-binary {shlex.quote(body.decode())}"
    return f"echo {b64encode(body).decode()} | base64 -d | curl -g {address} --data-binary @-"
