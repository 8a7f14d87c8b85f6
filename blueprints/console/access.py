"""Who may look: holders of an API key, by HTTP Basic or by a session they signed in to with it."""

import logging

from flask import Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadData, URLSafeTimedSerializer

from blueprints.api.access import CHALLENGES, find_holder, read_key, slow_down, tell_who_reads
from blueprints.api.runtime import runtime
from blueprints.console.shell import bp, find_way_back

COOKIE = "console"
SESSION_SECONDS = 12 * 3600
OPEN = {"console.static", "console.show_sign_in", "console.sign_in"}

log = logging.getLogger(__name__)


@bp.before_request
def require_reader() -> ResponseReturnValue | None:
    """Let only holders of a key in, and say in the log who read what; ask others to sign in."""
    if request.endpoint in OPEN:
        return None
    holder = find_reader()
    if holder is None:
        return ask_to_sign_in()
    tell_who_reads(holder)
    return None


def find_reader() -> str | None:
    """Find the name of the key's holder who asks; a key that is given beats a session."""
    if key := read_key():
        return find_holder(key)
    if session := request.cookies.get(COOKIE):  # is signed with a key, which could be guessed
        keys = runtime().settings.api_keys
        return slow_down(one.name for one in keys if is_signed(session, one.key))
    return None


def is_signed(session: str, key: str) -> bool:
    """Tell whether a session was signed with a key, not long ago."""
    try:
        serializer(key).loads(session, max_age=SESSION_SECONDS)
    except BadData:
        return False
    return True


def serializer(key: str) -> URLSafeTimedSerializer:
    """Sign sessions with the key itself, so that they end when it is taken out of ``API_KEYS``."""
    return URLSafeTimedSerializer(key, salt="console session")


def ask_to_sign_in() -> Response:
    """401: a browser asks for a key by itself; whoever cancels that finds a form."""
    response = make_response(render_template("console/sign_in.html"), 401)
    response.headers.extend([("WWW-Authenticate", str(one)) for one in CHALLENGES])
    return response


@bp.get("/sign-in")
def show_sign_in() -> ResponseReturnValue:
    """Show the form alone."""
    return render_template("console/sign_in.html")


@bp.post("/sign-in")
def sign_in() -> ResponseReturnValue:
    """Take a key, and leave a session in its place."""
    key = request.form.get("key", "")
    holder = find_holder(key)
    if holder is None:
        return render_template("console/sign_in.html", failed=True), 401
    log.info("%s signs in to the console", holder)
    response = redirect(find_way_back(), 303)
    response.set_cookie(
        COOKIE,
        serializer(key).dumps(""),
        max_age=SESSION_SECONDS,
        path=url_for("console.show_overview"),
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",  # so that an address that a colleague sends opens
    )
    return response


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """Have this browser forget its session; a copy of the cookie would be good until it expires."""
    response = redirect(url_for("console.show_sign_in"), 303)
    response.delete_cookie(COOKIE, path=url_for("console.show_overview"))
    return response
