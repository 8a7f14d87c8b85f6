"""The answers to requests that go wrong after the door of the receiver."""

import logging

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from blueprints.answers import fail
from blueprints.door import is_callback_address, note_refusal, receiver, refuse, turn_away
from blueprints.request_body import BrokenBodyError, SlowBodyError
from models.vocabulary import Refusal
from services.journal.journal import NotDurableError
from services.receiving.authentication import RefusedError

# Errors that keep a callback from being stored; the journal has logged why it takes none.
ANSWERS = {
    SlowBodyError: (408, 40801, "body: not complete in time"),
    BrokenBodyError: (400, 40001, "body: broken off or wrongly chunked"),
    NotDurableError: (503, 50301, "not stored"),
}

log = logging.getLogger(__name__)


def register_failures(app: Flask) -> None:
    """Translate expected failures; all others become a logged 500."""
    app.register_error_handler(RefusedError, on_refused)
    app.register_error_handler(NotFound, on_elsewhere)
    app.register_error_handler(MethodNotAllowed, on_elsewhere)
    app.register_error_handler(Exception, on_failure)


def on_refused(error: RefusedError) -> Response:
    """413: a body turned out to be too large while it was read."""
    return refuse(receiver(), request.environ, error.reason)


def on_elsewhere(_: HTTPException) -> Response:
    """404, or 405 where callbacks are received: a redirect also turns a callback into a GET."""
    here, environ = receiver(), request.environ
    if not is_callback_address(environ):
        return refuse(here, environ, Refusal.WRONG_ADDRESS)
    note_refusal(here, environ, Refusal.WRONG_ADDRESS)
    response = turn_away(environ, 405, 40501, "callbacks are sent with POST")
    response.headers["Allow"] = "POST"
    return response


def on_failure(error: Exception) -> Response:
    """The expected status, or 500 for a fault of this code; what was stored before is not lost."""
    if type(error) in ANSWERS:
        return fail(*ANSWERS[type(error)])
    if isinstance(error, HTTPException):
        status = error.code or 500
        return fail(status, status * 100 + 1, error.name)
    log.error("callback failed", exc_info=error)
    return fail(500, 50001, "internal error")
