"""Read the body of a request, within limits of size and time."""

from typing import Any

from gevent import Timeout, sleep
from werkzeug.wsgi import get_content_length

from models.vocabulary import Refusal
from services.receiving.authentication import RefusedError

BODY_SECONDS = 5.0
STEP_BYTES = 16 * 1024


class BrokenBodyError(Exception):
    """A body ended early, or broke the rules of chunked coding."""


class SlowBodyError(Exception):
    """A body was not complete in time."""


def is_chunked(environ: dict[str, Any]) -> bool:
    """Tell whether a body has no declared length."""
    return "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()


def read_body(environ: dict[str, Any], max_bytes: int) -> bytes:
    """Read the whole body, declared or chunked, whatever its Content-Type.

    Raises:
        RefusedError: it is longer than ``max_bytes``.
        BrokenBodyError: it is not complete.
        SlowBodyError: it was not complete within ``BODY_SECONDS``.
    """
    body = read(environ, max_bytes + 1)
    if len(body) > max_bytes:
        raise RefusedError(Refusal.BODY_TOO_LARGE)
    if len(body) < (get_content_length(environ) or 0):
        raise BrokenBodyError
    return body


def read_start(environ: dict[str, Any], most: int) -> bytes:
    """Read the beginning of a body, up to some bytes; nothing of a body that cannot be read."""
    try:
        return read(environ, most)
    except (BrokenBodyError, SlowBodyError):
        return b""


def read(environ: dict[str, Any], most: int) -> bytes:
    """Read up to some bytes in steps, between which other requests proceed.

    Under gevent the time for the whole body is limited, in a thread the time until each part of it.

    Raises:
        BrokenBodyError, SlowBodyError: as ``read_body``.
    """
    if not environ.get("wsgi.input_terminated"):  # the stream does not end by itself
        most = min(most, get_content_length(environ) or 0)
    sock = environ.get("gunicorn.socket")
    try:
        if sock is not None:
            sock.settimeout(BODY_SECONDS)
        with Timeout(BODY_SECONDS, SlowBodyError):
            body = bytearray()
            while step := environ["wsgi.input"].read(min(most - len(body), STEP_BYTES)):
                body += step
                if len(step) == STEP_BYTES:
                    sleep(0)
            return bytes(body)
    except (SlowBodyError, TimeoutError):
        raise SlowBodyError from None
    except Exception as error:  # each server raises its own for a body that cannot be read
        raise BrokenBodyError from error
    finally:
        if sock is not None:
            sock.settimeout(None)
