"""The blueprint of all that is read, and who may: holders of an API key."""

import logging
from collections.abc import Iterable
from hmac import compare_digest

from flask import Blueprint, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import TooManyRequests, Unauthorized

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
        TooManyRequests: as ``find_holder``.
    """
    key = read_key()
    holder = find_holder(key) if key else None
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


def find_holder(key: str) -> str | None:
    """Return the name of a key's holder, or none; every key is compared, in constant time.

    Raises:
        TooManyRequests: as ``slow_down``.
    """
    given = key.encode()
    return slow_down(
        one.name for one in runtime().settings.api_keys if compare_digest(one.key.encode(), given)
    )


def slow_down(holders: Iterable[str]) -> str | None:
    """Return the first holder that is found; none counts as a wrong key.

    Raises:
        TooManyRequests: nothing was looked at, as the sender has given too many wrong keys.
    """
    wrong_keys, sender = runtime().wrong_keys, request.remote_addr or ""
    if seconds := wrong_keys.wait_seconds(sender):
        raise TooManyRequests("Too many wrong keys came from this address.", retry_after=seconds)
    found = [*holders]
    if not found:
        wrong_keys.add(sender)
        return None
    return found[0]
