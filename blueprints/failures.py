"""What the receiver answers in place of 200, always in Tencent's shape."""

import json
import logging
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from blueprints.current import arrive, receiver
from blueprints.request_body import BodyTooLargeError, BrokenBodyError, SlowBodyError, read_start
from models.vocabulary import Refusal
from schemas.tencent.envelope import read_envelope
from services.journal.journal import NotDurableError
from services.receiving.authentication import RefusedError
from services.receiving.receiver import MAX_STRANGER_BODY_BYTES, Refused

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
    here, arrival, reason = receiver(), arrive(), error.reason
    if reason is Refusal.WRONG_ADDRESS and not TENCENT_PARAMETERS & request.args.keys():
        return fail(*REFUSALS[reason])  # nothing to do with a callback
    named = read_envelope(arrival.query_string).sdk_app_id
    ours = named if named in here.settings.sdk_apps else None
    body, body_bytes = b"", None
    if reason is not Refusal.BODY_TOO_LARGE:
        most = here.settings.max_body_bytes if ours else MAX_STRANGER_BODY_BYTES
        body = read_start(request.environ, most)
        body_bytes = request.content_length or len(body)
    here.refuse(Refused(reason, arrival, ours, body, body_bytes))
    return fail(*REFUSALS[reason])


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
    """405 where callbacks are received, 404 elsewhere."""
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
    return Response(f"{text}\n", status, mimetype="application/json")


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
