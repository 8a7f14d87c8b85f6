"""The blueprint of all that is read, and who may: holders of an API key."""

import logging
from hmac import compare_digest

from flask import Blueprint, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from blueprints.api.runtime import runtime

bp = Blueprint("api", __name__)
log = logging.getLogger(__name__)

CHALLENGES = [
    WWWAuthenticate("bearer", {"realm": "Chat Lifecycle Log"}),
    WWWAuthenticate("basic", {"realm": "Chat Lifecycle Log", "charset": "UTF-8"}),
]


@bp.before_request
def require_api_key() -> None:
    """Refuse a request without a valid key, and log the name of the key with what it reads.

    Raises:
        Unauthorized: the key is missing or unknown; the answer does not tell which.
    """
    key = read_key()
    holder = find_key_holder(key) if key else None
    if holder is None:
        raise Unauthorized("An API key is required.", www_authenticate=CHALLENGES)
    tell_who_reads(holder)


def tell_who_reads(holder: str) -> None:
    """Log which key reads what."""
    log.info("%s reads %r", holder, request.full_path.removesuffix("?"))


def read_key() -> str | None:
    """Return the key of ``Authorization``: a Bearer token, or the password of HTTP Basic.

    Werkzeug takes a Bearer token with ``=`` in it for a list of parameters, hence by hand.
    """
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    return request.authorization.password if request.authorization else None


def find_key_holder(key: str) -> str | None:
    """Return the name of a key's holder, or none; every key is compared, in constant time."""
    known, given = runtime().settings.api_keys, key.encode()
    matches = [one.name for one in known if compare_digest(one.key.encode(), given)]
    return matches[0] if matches else None
