"""The blueprint of all reading, and access to it: by API key, or by a proxy that signs in."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from flask import Blueprint, g, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, TooManyRequests, Unauthorized

from blueprints.api.runtime import runtime
from blueprints.proxies import SIGNED_IN
from config import ApiKey, Scope, Scopes
from models.vocabulary import SignIn

bp = Blueprint("api", __name__)

CHALLENGES = [
    WWWAuthenticate("bearer", {"realm": "Chat Lifecycle Log"}),
    WWWAuthenticate("basic", {"realm": "Chat Lifecycle Log", "charset": "UTF-8"}),
]
# The scope that each view needs; all other views need ``read``.
SCOPES: dict[str, Scope | None] = {
    "api.show_metrics": Scope.METRICS,
    "api.show_readiness": Scope.OPS,
    "api.show_drift": Scope.OPS,
    "api.list_readings": Scope.OPS,
    "console.show_health": Scope.OPS,
    "console.show_drift": Scope.OPS,
    "console.show_system": Scope.OPS,
    "console.list_readings": Scope.OPS,
    "api.show_deliveries": Scope.RAW,
    "api.show_delivery": Scope.RAW,
    "api.show_quarantine": Scope.RAW,
    "console.list_deliveries": Scope.RAW,
    "console.show_delivery": Scope.RAW,
    "console.show_body": Scope.RAW,
    "console.list_quarantine": Scope.RAW,
    "console.show_quarantined": Scope.RAW,
    "console.keep_preferences": None,
    "console.sign_out": None,
}


@dataclass(frozen=True)
class Holder:
    """The holder that a request is signed in as: of a key, or the user that a proxy names."""

    name: str
    scopes: Scopes
    sign_in: SignIn

    @classmethod
    def of(cls, key: ApiKey, sign_in: SignIn = SignIn.KEY) -> Self:
        """Return the holder of a key."""
        return cls(key.name, key.scopes, sign_in)


class LackingScopeError(Forbidden):
    """A scope of the holder is missing."""

    def __init__(self, holder: Holder, scope: Scope) -> None:
        super().__init__(f"{holder.name} may not read this: the scope {scope} is missing.")
        self.scope = scope


@bp.before_request
def require_holder() -> None:
    """Refuse a request without a holder.

    Raises:
        Unauthorized: the key is missing or unknown; the answer does not say which.
        TooManyRequests: as ``find_key``.
        LackingScopeError: as ``admit``.
    """
    holder = find_holder()
    if holder is None:
        raise Unauthorized("An API key is required.", www_authenticate=CHALLENGES)
    admit(holder)


def admit(holder: Holder) -> None:
    """Check the scopes of a holder, and keep the holder for the rest of the request.

    Raises:
        LackingScopeError: a scope is missing.
    """
    g.holder = holder
    scope = find_scope(request.endpoint or "", **(request.view_args or {}))
    if scope is not None and scope not in holder.scopes:
        raise LackingScopeError(holder, scope)


def find_scope(endpoint: str, *, table: str = "", **_: object) -> Scope | None:
    """Return the scope that a view needs, none if any will do; a file needs that of its list."""
    return SCOPES.get(f"console.list_{table}" if table else endpoint, Scope.READ)


def may_read(scope: Scope | None) -> bool:
    """Tell whether the holder has a scope; without a holder, say yes."""
    holder: Holder | None = g.get("holder")
    return holder is None or scope is None or scope in holder.scopes


def find_holder() -> Holder | None:
    """Find the holder of this request: that of its key, or else the user that a proxy names.

    Raises:
        TooManyRequests: as ``find_key``.
    """
    if text := read_key():
        key = find_key(text)
        return Holder.of(key) if key else None
    if name := request.environ.get(SIGNED_IN):
        return Holder(name, runtime().settings.sign_in_scopes, SignIn.PROXY)
    return None


def read_key() -> str | None:
    """Return the key of ``Authorization``: a Bearer token, or the password of HTTP Basic.

    Read by hand, as Werkzeug takes a Bearer token with ``=`` in it for a list of parameters.
    """
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    return request.authorization.password if request.authorization else None


def find_key(text: str) -> ApiKey | None:
    """Find a key, or none; compare with every one, in constant time.

    Raises:
        TooManyRequests: as ``slow_down``.
    """
    return slow_down(one for one in runtime().settings.api_keys if one.matches(text))


def slow_down(keys: Iterable[ApiKey]) -> ApiKey | None:
    """Return the first key that is found; if none is, count a wrong key.

    Raises:
        TooManyRequests: no key was looked at, as the sender has given too many wrong ones.
    """
    if not runtime().settings.api_keys:  # there is no key to guess
        return None
    wrong_keys, sender = runtime().wrong_keys, request.remote_addr or ""
    if seconds := wrong_keys.wait_seconds(sender):
        raise TooManyRequests("Too many wrong keys came from this address.", retry_after=seconds)
    found = [*keys]
    if not found:
        wrong_keys.add(sender)
        return None
    return found[0]
