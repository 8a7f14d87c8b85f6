"""What the receiver answers in place of 200, always in Tencent's shape."""

import errno
import json
import logging
from collections.abc import Iterator
from threading import Lock
from typing import Any
from urllib.parse import parse_qs

from flask import Flask, Response, request
from gevent import sleep
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wsgi import get_content_length

from blueprints.current import arrive, receiver
from blueprints.request_body import (
    BodyTooLargeError,
    BrokenBodyError,
    SlowBodyError,
    is_chunked,
    read_start,
)
from models.vocabulary import Refusal
from schemas.tencent.envelope import read_envelope
from services.journal.journal import NotDurableError
from services.receiving.authentication import RefusedError
from services.receiving.refusals import Refused

MAX_STRANGER_BODY_BYTES = 64 * 1024
MAX_ERROR_INFO = 500  # characters; the delivery has all of it
FOREIGN_APP = (403, 40301, "SdkAppid is missing, repeated or unknown")
NOT_SIGNED = (403, 40302, "Sign or RequestTime is missing, wrong or expired")
REFUSALS = {
    Refusal.APP_MISSING: FOREIGN_APP,
    Refusal.APP_UNKNOWN: FOREIGN_APP,
    Refusal.SIGN_MISSING: NOT_SIGNED,
    Refusal.SIGN_WRONG: NOT_SIGNED,
    Refusal.SIGN_EXPIRED: NOT_SIGNED,
    Refusal.BODY_TOO_LARGE: (413, 41301, "body: too large"),
    Refusal.WRONG_ADDRESS: (404, 40401, "callbacks are sent to /callback"),
}
# One refusal goes on in each turn of the event loop: callbacks do not stand in line behind a flood.
GATE = Lock()
TENCENT_PARAMETERS = {"SdkAppid", "CallbackCommand"}

log = logging.getLogger(__name__)


def register_failures(app: Flask) -> None:
    """Translate the failures that are expected; all others are a logged 500."""
    app.register_error_handler(RefusedError, on_refused)
    app.register_error_handler(BodyTooLargeError, on_too_large)
    app.register_error_handler(SlowBodyError, on_slow_body)
    app.register_error_handler(BrokenBodyError, on_broken_body)
    app.register_error_handler(NotDurableError, on_not_durable)
    app.register_error_handler(MethodNotAllowed, on_wrong_method)
    app.register_error_handler(Exception, on_failure)


def on_refused(error: RefusedError) -> Response:
    """403, 404 or 413: the reason goes to the quarantine, not to the sender."""
    note_refusal(error.reason)
    return fail(*REFUSALS[error.reason])


def note_refusal(reason: Refusal) -> None:
    """Take note of a refused request, unless it has nothing to do with a callback."""
    with GATE:
        sleep(0)
    here, arrival, environ = receiver(), arrive(), request.environ
    if reason is Refusal.WRONG_ADDRESS and not has_parameters(arrival.query_string):
        return
    envelope = read_envelope(arrival.query_string)
    app = envelope.sdk_app_id if envelope.sdk_app_id in here.settings.sdk_apps else None
    most = here.settings.max_body_bytes if app else MAX_STRANGER_BODY_BYTES
    declared = get_content_length(environ)
    if reason is Refusal.BODY_TOO_LARGE or (declared is None and not is_chunked(environ)):
        most = 0
    most = most if declared is None else min(declared, most)
    refused = Refused(reason, arrival, app, envelope.signed_at, most, declared)
    here.refusals.add(refused, lambda: read_start(environ, most))


def has_parameters(query_string: str) -> bool:
    """Tell whether a query string has any of those that Tencent always sends."""
    return bool(TENCENT_PARAMETERS & parse_qs(query_string, keep_blank_values=True).keys())


def on_too_large(_: BodyTooLargeError) -> Response:
    """413: the body is not read any further."""
    return on_refused(RefusedError(Refusal.BODY_TOO_LARGE))


def on_slow_body(_: SlowBodyError) -> Response:
    """408: the body did not come in time, so there is nothing whole to store."""
    return fail(408, 40801, "body: not complete in time")


def on_broken_body(_: BrokenBodyError) -> Response:
    """400: the request ended before its body did, so there is nothing whole to store."""
    return fail(400, 40001, "body: broken off or wrongly chunked")


def on_not_durable(_: NotDurableError) -> Response:
    """503: what is not durable is never acknowledged; the journal has logged why."""
    return fail(503, 50301, "not stored")


def on_wrong_method(_: MethodNotAllowed) -> Response:
    """405 where callbacks are received, 404 elsewhere; a redirect makes a GET of a callback."""
    note_refusal(Refusal.WRONG_ADDRESS)
    if request.path.strip("/").lower() not in ("callback", ""):
        return fail(404, 40401, "not found")
    response = fail(405, 40501, "callbacks are sent with POST")
    response.headers["Allow"] = "POST"
    return response


def on_failure(error: Exception) -> Response:
    """500 for a fault of this code; a callback that was stored before it is not lost."""
    if isinstance(error, HTTPException):
        status = error.code or 500
        return fail(status, status * 100 + 1, error.name)
    log.error("callback failed: %s", error, exc_info=error)
    return fail(500, 50001, "internal error")


def fail(status: int, error_code: int, error_info: str) -> Response:
    """Answer with exactly the three fields that Tencent expects, in its order.

    Args:
        status: of HTTP.
        error_code: Tencent's.
        error_info: cut off where it gets long.
    """
    fields = {
        "ActionStatus": "FAIL",
        "ErrorInfo": error_info[:MAX_ERROR_INFO],
        "ErrorCode": error_code,
    }
    text = json.dumps(fields, separators=(",", ":"))
    response = Response(f"{text}\n", status, mimetype="application/json")
    if status in (403, 404, 405) and is_chunked(request.environ):
        response.call_on_close(hang_up)
    return response


def hang_up() -> None:
    """Have the server close the connection: the rest of a body may cost more than it is worth.

    Chunks of a byte each cost a hundred times what the same bytes cost in one piece.

    Raises:
        BrokenPipeError: as if the sender had closed it.
    """
    raise BrokenPipeError(errno.EPIPE, "refused")


def explain(errors: Any) -> str:
    """Write nested reasons in one line."""
    return "; ".join(find_reasons(errors))


def find_reasons(errors: Any, place: str = "") -> Iterator[str]:
    """Write each of nested reasons as ``field.index: reason``."""
    if isinstance(errors, dict):
        for name, reasons in errors.items():
            yield from find_reasons(reasons, f"{place}.{name}" if place else str(name))
    else:
        for reason in errors:
            yield f"{place}: {reason}"
