"""Read the body of a request, and never leave a part of it on the connection."""

from typing import Any

from flask import Response, request
from werkzeug.exceptions import BadRequest
from werkzeug.wsgi import get_content_length

from models.vocabulary import Refusal
from services.authentication import RefusedError

READ_BYTES = 64 * 1024
MAX_DRAINED_BYTES = 64 * 1024 * 1024


def read_request_body(environ: dict[str, Any], max_bytes: int) -> bytes:
    """Read the whole body, declared or chunked, whatever its Content-Type.

    Raises:
        RefusedError: it is longer than ``max_bytes``.
        BadRequest: the sender broke off, or broke the rules of chunked coding.
    """
    declared = get_content_length(environ)
    if declared is not None and declared > max_bytes:
        raise RefusedError(Refusal.BODY_TOO_LARGE)
    most = max_bytes + 1 if environ.get("wsgi.input_terminated") else declared or 0
    try:
        body: bytes = environ["wsgi.input"].read(most)
    except Exception as error:  # each server has its own for a body that can't be read
        raise BadRequest("body: broken off or wrongly chunked") from error
    if len(body) > max_bytes:
        raise RefusedError(Refusal.BODY_TOO_LARGE)
    if declared is not None and len(body) < declared:
        raise BadRequest("body: broken off")
    return body


def drain_request(response: Response) -> Response:
    """Read what a refusal left unread, so that the next request on the connection is understood.

    Beyond ``MAX_DRAINED_BYTES`` the server closes the connection instead.
    """
    environ = request.environ
    if environ.get("wsgi.input_terminated"):
        stream = environ["wsgi.input"]
        try:
            for _ in range(MAX_DRAINED_BYTES // READ_BYTES):
                if not stream.read(READ_BYTES):
                    break
        except Exception:  # noqa: S110 (unreadable: the server closes the connection by itself)
            pass
    return response
