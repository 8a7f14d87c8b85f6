"""What becomes of a request that goes wrong after the door of the receiver."""

import logging

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from blueprints.answers import fail
from blueprints.current import receiver
from blueprints.door import is_callback_address, note_refusal, refuse, turn_away
from blueprints.request_body import BrokenBodyError, SlowBodyError
from models.vocabulary import Refusal
from services.journal.journal import NotDurableError
from services.receiving.authentication import RefusedError

log = logging.getLogger(__name__)


def register_failures(app: Flask) -> None:
    """Translate the failures that are expected; all others are a logged 500."""
    app.register_error_handler(RefusedError, on_refused)
    app.register_error_handler(SlowBodyError, on_slow_body)
    app.register_error_handler(BrokenBodyError, on_broken_body)
    app.register_error_handler(NotDurableError, on_not_durable)
    app.register_error_handler(NotFound, on_elsewhere)
    app.register_error_handler(MethodNotAllowed, on_elsewhere)
    app.register_error_handler(Exception, on_failure)


def on_refused(error: RefusedError) -> Response:
    """413: a body turned out too large as it was read."""
    return refuse(receiver(), request.environ, error.reason)


def on_slow_body(_: SlowBodyError) -> Response:
    """408: the body did not come in time, so there is nothing whole to store."""
    return fail(408, 40801, "body: not complete in time")


def on_broken_body(_: BrokenBodyError) -> Response:
    """400: the request ended before its body did, so there is nothing whole to store."""
    return fail(400, 40001, "body: broken off or wrongly chunked")


def on_not_durable(_: NotDurableError) -> Response:
    """503: what is not durable is never acknowledged; the journal has logged why."""
    return fail(503, 50301, "not stored")


def on_elsewhere(_: HTTPException) -> Response:
    """404, or 405 where callbacks are received: a redirect, too, makes a GET of a callback."""
    here, environ = receiver(), request.environ
    if not is_callback_address(environ):
        return refuse(here, environ, Refusal.WRONG_ADDRESS)
    note_refusal(here, environ, Refusal.WRONG_ADDRESS)
    response = turn_away(environ, 405, 40501, "callbacks are sent with POST")
    response.headers["Allow"] = "POST"
    return response


def on_failure(error: Exception) -> Response:
    """500 for a fault of this code; a callback that was stored before it is not lost."""
    if isinstance(error, HTTPException):
        status = error.code or 500
        return fail(status, status * 100 + 1, error.name)
    log.error("callback failed", exc_info=error)
    return fail(500, 50001, "internal error")
