"""The door of the receiver: it verifies senders before Flask runs, so that junk costs little."""

import errno
from collections.abc import Iterable
from threading import Lock
from time import perf_counter
from typing import Any
from urllib.parse import parse_qs

from flask import Response, current_app
from gevent import sleep
from werkzeug.wsgi import get_content_length

from blueprints.answers import fail
from blueprints.request_body import is_chunked, read_start
from models.vocabulary import Refusal
from schemas.tencent.envelope import Arrival, Envelope, read_envelope
from services.receiving.authentication import RefusedError, authenticate_sender
from services.receiving.receiver import Receiver
from services.receiving.refusals import Refused

ADMITTED = "receiver.admitted"  # arrival, app and envelope, in the environment of a request
MAX_STRANGER_BODY_BYTES = 64 * 1024
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
# One refusal proceeds per turn of the event loop, so callbacks do not queue behind a flood.
GATE = Lock()
TENCENT_PARAMETERS = {"SdkAppid", "CallbackCommand"}


class Door:
    """WSGI middleware that lets in callbacks of our apps, and requests that are not callbacks.

    Args:
        app: answers the requests that are let in.
        receiver: knows our apps, and notes what is refused.
    """

    def __init__(self, app: Any, receiver: Receiver) -> None:
        self.app = app
        self.receiver = receiver

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request; once the journal is closed hang up, so that a proxy sends it again."""
        if self.receiver.journal.is_closed:
            hang_up()
        try:
            if environ["REQUEST_METHOD"] == "POST" and is_callback_address(environ):
                environ[ADMITTED] = self.admit(environ)
                environ["PATH_INFO"] = "/callback"
        except RefusedError as error:
            return refuse(self.receiver, environ, error.reason)(environ, start_response)
        answer: Iterable[bytes] = self.app(environ, start_response)
        return answer

    def admit(self, environ: dict[str, Any]) -> tuple[Arrival, str, Envelope]:
        """Return the arrival of a callback, its app, and its envelope.

        Raises:
            RefusedError: its declared size, its app or its signature is wrong.
        """
        settings, arrival = self.receiver.settings, arrive(self.receiver, environ)
        if (get_content_length(environ) or 0) > settings.max_body_bytes:
            raise RefusedError(Refusal.BODY_TOO_LARGE)
        envelope = read_envelope(arrival.query_string)
        return arrival, authenticate_sender(envelope, settings, now=arrival.received_at), envelope


def receiver() -> Receiver:
    """Return the receiver of the current app."""
    here: Receiver = current_app.extensions["receiver"]
    return here


def is_callback_address(environ: dict[str, Any]) -> bool:
    """Tell whether callbacks are received at a path, in any spelling."""
    return environ.get("PATH_INFO", "").strip("/").lower() in ("callback", "")


def arrive(here: Receiver, environ: dict[str, Any]) -> Arrival:
    """Note when and from where a request came."""
    peer, query_string = environ.get("REMOTE_ADDR", ""), environ["QUERY_STRING"]
    return Arrival(here.now(), peer, query_string, perf_counter())


def refuse(here: Receiver, environ: dict[str, Any], reason: Refusal) -> Response:
    """403, 404 or 413: the reason goes to the quarantine, not to the sender."""
    note_refusal(here, environ, reason)
    return turn_away(environ, *REFUSALS[reason])


def turn_away(environ: dict[str, Any], status: int, error_code: int, error_info: str) -> Response:
    """Answer as ``fail`` does, and stop reading a chunked body.

    Chunks of a byte each cost a hundred times what the same bytes cost in one piece.
    """
    response = fail(status, error_code, error_info)
    if is_chunked(environ) and status != 413:
        response.call_on_close(hang_up)
    return response


def note_refusal(here: Receiver, environ: dict[str, Any], reason: Refusal) -> None:
    """Note a refused request, unless it has nothing to do with a callback."""
    with GATE:
        sleep(0)
    arrival = arrive(here, environ)
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
    """Tell whether a query string has any parameter that Tencent always sends."""
    return bool(TENCENT_PARAMETERS & parse_qs(query_string, keep_blank_values=True).keys())


def hang_up() -> None:
    """Make the server close the connection.

    Raises:
        BrokenPipeError: as if the sender had closed it.
    """
    raise BrokenPipeError(errno.EPIPE, "hung up")
