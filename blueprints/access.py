"""Who may read: holders of an API key."""

import logging

from flask import request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from blueprints.runtime import runtime
from services.authentication import find_key_holder

log = logging.getLogger(__name__)

CHALLENGES = [
    WWWAuthenticate("bearer", {"realm": "Chat Lifecycle Log"}),
    WWWAuthenticate("basic", {"realm": "Chat Lifecycle Log", "charset": "UTF-8"}),
]


def require_api_key() -> None:
    """Let only holders of a key in, and say in the log who read what.

    Raises:
        Unauthorized: no key, or none that is known; nothing tells which.
    """
    key = read_key()
    holder = find_key_holder(key, runtime().settings.api_keys) if key else None
    if holder is None:
        raise Unauthorized("An API key is required.", www_authenticate=CHALLENGES)
    tell_who_reads(holder)


def tell_who_reads(holder: str) -> None:
    """Say in the log who reads what."""
    log.info("%s reads %r", holder, request.full_path.removesuffix("?"))


def read_key() -> str | None:
    """Take the key out of ``Authorization``: a Bearer token, or the password of HTTP Basic.

    Werkzeug's own reading of Bearer takes a key with ``=`` in it for a list of parameters.
    """
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    return request.authorization.password if request.authorization else None
