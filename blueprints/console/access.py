"""Access to the console: like access to the API, or by a session that was opened with a key."""

import logging

from flask import (
    Response,
    after_this_request,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response as AnyResponse

from blueprints.api.access import (
    CHALLENGES,
    Holder,
    admit,
    find_holder,
    find_key,
    read_key,
    slow_down,
)
from blueprints.api.readings import keep_reading
from blueprints.api.runtime import runtime
from blueprints.console.shell import bp, find_way_back, keep_cookie
from config import ApiKey
from models.vocabulary import SignIn

COOKIE = "console"
SESSION_SECONDS = 12 * 3600
OTHER_SITES = {"cross-site", "same-site"}  # of ``Sec-Fetch-Site``
OPEN = {"console.static", "console.show_sign_in", "console.sign_in"}  # open to all

log = logging.getLogger(__name__)


@bp.before_request
def refuse_other_sites() -> None:
    """Refuse a form of another site, as browsers tell it.

    Raises:
        Forbidden: it could sign a reader in with a key of its own, or sign it out.
    """
    if request.method == "POST" and request.headers.get("Sec-Fetch-Site") in OTHER_SITES:
        raise Forbidden


@bp.before_request
def require_reader() -> ResponseReturnValue | None:
    """Ask for a sign-in if a request has no access.

    Raises:
        TooManyRequests: as ``find_holder``.
        LackingScopeError: as ``admit``.
    """
    if request.endpoint in OPEN:
        return None
    holder = find_session() or find_holder()
    if holder is None:
        return ask_to_sign_in()
    admit(holder)
    return None


bp.after_request(keep_reading)


def find_session() -> Holder | None:
    """Find the holder of this session, or none; an explicit key takes precedence.

    Raises:
        TooManyRequests: as ``slow_down``.
    """
    session = request.cookies.get(COOKIE)  # it is signed with a key, which could be guessed
    if not session or read_key():
        return None
    key = slow_down(one for one in runtime().settings.api_keys if is_signed(session, one))
    if key is None:  # it counts as a wrong key, once
        after_this_request(forget_session)
        return None
    return Holder.of(key, SignIn.SESSION)


def forget_session(response: AnyResponse) -> AnyResponse:
    """Make this browser forget its session; a copy of the cookie stays valid until it expires."""
    response.delete_cookie(COOKIE, path=url_for("console.show_overview"))
    return response


def is_signed(session: str, key: ApiKey) -> bool:
    """Tell whether a session was opened with a key, and has not expired."""
    try:
        said = serializer(key).loads(session, max_age=SESSION_SECONDS)
    except BadData:
        return False
    return not key.is_hash or key.matches(said)


def serializer(key: ApiKey) -> URLSafeTimedSerializer:
    """Sign sessions with the key itself, so that they end when it is removed from ``API_KEYS``.

    If only its hash is known, which opens nothing, the session contains the key as well.
    """
    return URLSafeTimedSerializer(key.key, salt="console session")


def ask_to_sign_in() -> Response:
    """401: a browser asks for a key by itself; after a cancel, or a session, it shows a form."""
    response = make_response(render_template("console/sign_in.html"), 401)
    asked = [one for one in CHALLENGES if one.type != "basic" or COOKIE not in request.cookies]
    response.headers.extend([("WWW-Authenticate", str(one)) for one in asked])
    return response


@bp.get("/sign-in")
def show_sign_in() -> ResponseReturnValue:
    """Show only the form."""
    return render_template("console/sign_in.html")


@bp.post("/sign-in")
def sign_in() -> ResponseReturnValue:
    """Exchange a key for a session."""
    text = request.form.get("key", "")
    key = find_key(text)
    if key is None:
        return render_template("console/sign_in.html", failed=True), 401
    log.info("%s signs in to the console", key.name)
    response = redirect(find_way_back(), 303)
    session = serializer(key).dumps(text if key.is_hash else "")
    keep_cookie(response, COOKIE, session, SESSION_SECONDS)
    return response


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the session of this browser."""
    return forget_session(redirect(url_for("console.show_sign_in"), 303))
