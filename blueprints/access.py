"""Who may read: holders of an API key."""

from flask import request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from blueprints.runtime import runtime
from services.authentication import find_key_holder

CHALLENGES = [
    WWWAuthenticate("bearer", {"realm": "Chat Lifecycle Log"}),
    WWWAuthenticate("basic", {"realm": "Chat Lifecycle Log", "charset": "UTF-8"}),
]


def require_api_key() -> None:
    """Let only holders of a key in: as a Bearer token, or as the password of HTTP Basic.

    Raises:
        Unauthorized: no key, or none that is known; nothing tells which.
    """
    key = read_key()
    if not key or find_key_holder(key, runtime().settings.api_keys) is None:
        raise Unauthorized("An API key is required.", www_authenticate=CHALLENGES)


def read_key() -> str | None:
    """Take the key out of the ``Authorization`` header, if it is of one of the two schemes."""
    given = request.authorization
    if given is None:
        return None
    return {"bearer": given.token, "basic": given.password}.get(given.type)
