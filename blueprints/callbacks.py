"""The receiving blueprint: Tencent posts every callback here, once."""

import logging
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, MethodNotAllowed

from blueprints.errors import on_http_error
from blueprints.pending import PendingResponse, Work
from blueprints.request_body import read_request_body
from blueprints.runtime import runtime
from models.types import dump_json
from models.vocabulary import Refusal
from schemas.body import Reading
from schemas.envelope import Arrival, read_envelope
from services.authentication import RefusedError, authenticate_sender
from services.callback import to_callback
from services.keeper import NotKeptError
from services.metrics import INVALID, LOST, REFUSED
from services.quarantine import RefusedRequest

ADDRESSES = ("/callback", "/")
MAX_ERROR_INFO = 500  # characters; the delivery keeps more
FOREIGN_APP = (403, 40301, "SdkAppid is missing, repeated or unknown")
NOT_SIGNED = (403, 40302, "Sign or RequestTime is missing, wrong or expired")
REFUSALS = {
    Refusal.APP_MISSING: FOREIGN_APP,
    Refusal.APP_UNKNOWN: FOREIGN_APP,
    Refusal.SIGN_MISSING: NOT_SIGNED,
    Refusal.SIGN_WRONG: NOT_SIGNED,
    Refusal.SIGN_EXPIRED: NOT_SIGNED,
    Refusal.BODY_TOO_LARGE: (413, 41301, "body: too large"),
}

bp = Blueprint("callbacks", __name__)
log = logging.getLogger(__name__)


def receive_callback() -> ResponseReturnValue:
    """Begin to make one callback durable; it is acknowledged once it is."""
    here = runtime()
    environ = request.environ
    arrival = g.arrival = Arrival(
        here.now(), environ.get("REMOTE_ADDR", ""), environ["QUERY_STRING"]
    )
    body = g.body = read_request_body(environ, here.settings.max_body_bytes)
    envelope = read_envelope(arrival.query_string)
    sdk_app_id = authenticate_sender(envelope, here.settings, now=arrival.received_at)
    callback = to_callback(arrival, sdk_app_id, body, envelope=envelope)
    return answer_reading(callback.reading, here.keeper.begin(callback))


for address in ADDRESSES:
    bp.post(address)(receive_callback)


def answer_reading(reading: Reading, keeping: Work) -> Response:
    """Acknowledge what could be read; say what is wrong with the rest."""
    if not reading.errors:
        return reply(200, after=keeping)
    INVALID.inc()
    return reply(400, reading.error_code, "; ".join(explain(reading.errors)), after=keeping)


@bp.errorhandler(RefusedError)
def on_refused(error: RefusedError) -> Response:
    """403 or 413: the reason goes to the quarantine, not to whoever is guessing."""
    log.warning("callback refused: %s from %s", error.reason.value, g.arrival.peer)
    REFUSED.labels(error.reason).inc()
    request = RefusedRequest(error.reason, g.arrival, g.get("body"))
    return reply(*REFUSALS[error.reason], after=runtime().quarantine.begin(request))


@bp.errorhandler(BadRequest)
def on_broken_request(error: BadRequest) -> Response:
    """400: the request ended before its body did, so there is nothing whole to keep."""
    log.warning("callback broken off: %s from %s", error.description, g.arrival.peer)
    return reply(400, 40001, error.description or "body: unreadable")


@bp.errorhandler(Exception)
def on_failure(error: Exception) -> Response:
    """503, as what is not durable is never acknowledged; 500 for a fault of ours."""
    LOST.inc()
    if isinstance(error, NotKeptError):
        log.error("callback lost: %s", error)
        return reply(503, 50301, "not stored")
    log.error("callback failed: %s", error, exc_info=error)
    return reply(500, 50001, "internal error")


@bp.app_errorhandler(MethodNotAllowed)
def on_wrong_method(error: MethodNotAllowed) -> ResponseReturnValue:
    """405, in Tencent's shape where callbacks are received."""
    if request.path not in ADDRESSES:
        return on_http_error(error)
    response = reply(405, 40501, "callbacks are sent with POST")
    response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return response


def reply(
    status: int, error_code: int = 0, error_info: str = "", *, after: Work | None = None
) -> Response:
    """Answer with exactly the three fields Tencent expects, in its order.

    Args:
        status: of HTTP.
        error_code: Tencent's; 0 is success.
        error_info: cut off where it gets long.
        after: what must be done before anybody hears of it.
    """
    outcome = "OK" if error_code == 0 else "FAIL"
    text = dump_json(
        {
            "ActionStatus": outcome,
            "ErrorInfo": error_info[:MAX_ERROR_INFO],
            "ErrorCode": error_code,
        }
    )
    if after is None:
        return Response(f"{text}\n", status, mimetype="application/json")
    response = PendingResponse(f"{text}\n", status, mimetype="application/json")
    response.work, response.on_failure = after, on_failure
    return response


def explain(errors: Any, place: str = "") -> Iterator[str]:
    """Write nested reasons as ``field.index: reason``."""
    if isinstance(errors, dict):
        for name, reasons in errors.items():
            yield from explain(reasons, f"{place}.{name}" if place else str(name))
    else:
        for reason in errors:
            yield f"{place}: {reason}"
