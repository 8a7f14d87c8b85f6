"""What was sent: a delivery with its bytes, or a refused request."""

import json
import shlex
from base64 import b64encode
from collections.abc import Mapping
from string import punctuation
from typing import Any
from urllib.parse import parse_qsl, quote

from flask import Response, abort, render_template
from flask.typing import ResponseReturnValue

from blueprints.api.deliveries import read_delivery
from blueprints.api.runtime import runtime
from blueprints.console.shell import bp
from blueprints.console.untrusted import MOST_OF_A_BODY
from models.vocabulary import Refusal
from schemas.tencent.envelope import read_envelope
from schemas.tencent.strict_json import UnreadableError, parse_json
from services.lists.effects import add_effects
from services.reading.deliveries import fetch_neighbours, fetch_quarantined, fetch_repeats

PRINTABLE = frozenset(range(0x20, 0x7F))
REPEATS = 20  # repeats that are shown
SIGNATURES = (Refusal.SIGN_WRONG, Refusal.SIGN_EXPIRED)  # that ``reverify`` verifies again
MOST_LAID_OUT = 512 * 1024  # bytes of JSON
LONGEST_ARGUMENT = 100 * 1024  # bytes; Linux allows for 128 KiB
# The shell commands that sign a request, and the place of the signature.
SIGN = 'now=$(date +%s); sign=$(printf %s "$CALLBACK_TOKEN$now" | sha256sum | cut -c1-64); '
SIGNED = '"&Sign=$sign&RequestTime=$now"'


@bp.get("/deliveries/<row_id:delivery_id>")
def show_delivery(delivery_id: int) -> ResponseReturnValue:
    """Show one delivery: its content, its verdict, and how to send it again."""
    with runtime().connect() as connection:
        delivery, event = read_delivery(connection, delivery_id)
        add_effects(connection, [event] if event else [])
        repeats = fetch_repeats(connection, delivery_id, most=REPEATS)
        before, after = fetch_neighbours(connection, delivery_id)
    return render_template(
        "console/delivery.html",
        delivery=delivery,
        event=event,
        repeats=repeats,
        before=before,
        after=after,
        curl=write_curl(delivery),
        **describe(delivery),
    )


@bp.get("/deliveries/<row_id:delivery_id>/body")
def show_body(delivery_id: int) -> ResponseReturnValue:
    """Return the bytes of a body as a file, which a browser does not interpret."""
    with runtime().connect() as connection:
        delivery, _ = read_delivery(connection, delivery_id)
    response = Response(delivery["body"], mimetype="application/octet-stream")
    response.headers.set("Content-Disposition", "attachment", filename=f"delivery-{delivery_id}")
    return response


@bp.get("/quarantine/<row_id:request_id>")
def show_quarantined(request_id: int) -> ResponseReturnValue:
    """Show one refused request."""
    with runtime().connect() as connection:
        refused = fetch_quarantined(connection, request_id) or abort(404)
    return render_template(
        "console/quarantined.html",
        refused=refused,
        ahead=measure_clock(refused),
        reverify=write_reverify(refused),
        **describe(refused),
    )


def measure_clock(refused: Mapping[str, Any]) -> int | None:
    """Return how many seconds this machine's clock was ahead of the sender's; none if unknown."""
    signed_at = read_envelope(refused["query_string"]).signed_at
    return (
        None if signed_at is None else round((refused["received_at"] - signed_at).total_seconds())
    )


def write_reverify(refused: Mapping[str, Any]) -> str | None:
    """Write the command that verifies requests refused from then on; none if that does not help."""
    reason, ahead = refused["reason"], measure_clock(refused)
    if refused["sdk_app_id"] is None or reason not in SIGNATURES:
        return None
    clock = f" --clock-ahead {ahead}" if reason == Refusal.SIGN_EXPIRED and ahead else ""
    since = f"{refused['received_at']:%Y-%m-%dT%H:%M:%SZ}"
    return f".venv/bin/lifecycle reverify --since {since}{clock} --dry-run"


def describe(row: Mapping[str, Any]) -> dict[str, Any]:
    """Read the query string and the body of a delivery or of a refused request."""
    body: bytes = row["body"]
    return {
        "query": parse_qsl(row["query_string"], keep_blank_values=True),
        "pretty": lay_out(body),
        "text": body.decode(errors="backslashreplace"),
        "most": MOST_OF_A_BODY,
    }


def lay_out(body: bytes) -> str | None:
    """Lay out a body that is JSON; none if it is not, or is too long to read."""
    if len(body) > MOST_LAID_OUT:
        return None
    try:
        return json.dumps(parse_json(body), ensure_ascii=False, indent=2)
    except UnreadableError:
        return None


def write_curl(delivery: Mapping[str, Any]) -> str:
    """Write the command that sends a delivery again, with the same bytes, signed again if it was.

    ``CALLBACK_URL`` names its target, as it may create an event where there was none. Bytes that a
    terminal would obey, or curl would take for a file name, go through base64. A body that is too
    long for a command comes from the file that the page offers.
    """
    given = delivery["query_string"].split("&")
    kept = [one for one in given if one.partition("=")[0] not in ("Sign", "RequestTime")]
    query = quote("&".join(kept).encode("latin-1", "replace"), safe=punctuation.replace("#", ""))
    sign, signed = ("", "") if len(kept) == len(given) else (SIGN, SIGNED)
    curl = f'curl -g "$CALLBACK_URL"{shlex.quote(f"?{query}")}{signed} --data-binary'
    body: bytes = delivery["body"]
    if len(body) > LONGEST_ARGUMENT:
        return f"{sign}{curl} @delivery-{delivery['id']}"
    if PRINTABLE.issuperset(body) and not body.startswith(b"@"):
        return f"{sign}{curl} {shlex.quote(body.decode())}"
    return f"{sign}echo {b64encode(body).decode()} | base64 -d | {curl} @-"
