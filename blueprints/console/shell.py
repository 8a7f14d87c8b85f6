"""The parts that all pages of the console share: templates, headers, failures."""

import re
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from marshmallow import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, ServiceUnavailable
from werkzeug.wrappers import Response as AnyResponse

from blueprints.api import errors
from blueprints.api.access import find_scope, may_read
from blueprints.console.language import (
    LANGUAGES,
    choose_language,
    say,
    translate,
    translate_count,
)
from blueprints.console.untrusted import keep_text, show_text
from models.text import dump_json

bp = Blueprint(
    "console",
    __name__,
    url_prefix="/console",
    template_folder="templates",
    static_folder="static",
)

STATIC = Path(__file__).parent / "static"
DIGESTS = {file.name: sha256(file.read_bytes()).hexdigest()[:12] for file in STATIC.iterdir()}
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
YEAR_SECONDS = 365 * 86400
FOUND = {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED}


@bp.record_once
def set_up_templates(state: BlueprintSetupState) -> None:
    """Set up labels in both languages for templates."""
    environment: Any = state.app.jinja_env
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(translate, translate_count, newstyle=True)
    environment.globals.update(languages=LANGUAGES)


bp.add_app_template_filter(show_text, "shown")
bp.add_app_template_filter(keep_text, "kept")
bp.add_app_template_filter(say)
bp.add_app_template_filter("{:,}".format, "number")


@bp.app_context_processor
def tell_language() -> dict[str, str]:
    """Declare the language of a page."""
    return {"language": choose_language()}


@bp.app_template_filter("plain")
def to_text(value: Any) -> str:
    """Write a value of a body for people: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else dump_json(value)


@bp.app_template_filter("listed")
def list_parts(value: Any) -> list[str]:
    """Write the parts of a list or object of a body for people; other values have none."""
    if isinstance(value, dict):
        return [f"{name}: {to_text(one)}" for name, one in value.items()]
    return [to_part(one) for one in value] if isinstance(value, list) else []


def to_part(value: Any) -> str:
    """Write an item of a list, such as the pairs of key and value in Tencent's custom fields."""
    if isinstance(value, dict) and [name.lower() for name in value] == ["key", "value"]:
        return ": ".join(to_text(one) for one in value.values())
    return ", ".join(list_parts(value)) or to_text(value)


@bp.app_template_global()
def may_open(endpoint: str, **path: Any) -> bool:
    """Tell whether the holder may open a page."""
    return may_read(find_scope(f"console.{endpoint}", **path))


@bp.app_template_global()
def lead_to(endpoint: str, **arguments: Any) -> Markup:
    """Make the attribute of a link to a page; without it, as for a page not open, it is text.

    The arguments are those of ``url_for``, without the blueprint.
    """
    if not may_open(endpoint):
        return Markup()
    return make_href(partial(url_for, f"console.{endpoint}", **arguments))


def make_href(write: Callable[[], str]) -> Markup:
    """Make the attribute of a link; none where no query string can hold what it would ask for."""
    try:
        return Markup(' href="{}"').format(write())
    except UnicodeEncodeError:  # half a surrogate pair
        return Markup()


@bp.app_template_global()
def address_asset(name: str) -> str:
    """Address a file also by its content, so that a browser may cache it permanently."""
    return url_for("console.static", filename=name, v=DIGESTS[name])


def find_way_back() -> str:
    """Find the page that a form was sent from, from its ``next``; otherwise the first page."""
    home, asked = url_for("console.show_overview"), request.form.get("next", "")
    return asked if re.fullmatch(f"{home}[!-~]*", asked) else home


def keep_cookie(response: AnyResponse, name: str, value: str, seconds: int) -> None:
    """Store a cookie for the console alone."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=url_for("console.show_overview"),
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",  # so that an address from a colleague opens
    )


@bp.after_request
def finish(response: Response) -> Response:
    """Set how long an answer may be cached and what it may run."""
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    if request.endpoint == "console.static" and response.status_code in FOUND:
        digest = DIGESTS.get((request.view_args or {})["filename"], "")
        kept = f"public, max-age={YEAR_SECONDS}, immutable"
        response.headers["Cache-Control"] = kept if request.args.get("v") == digest else "no-cache"
        return response
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.app_errorhandler(HTTPException)
def on_unknown_address(error: HTTPException) -> ResponseReturnValue:
    """Answer with a page if an address looks like one of the console; no view was called."""
    if not request.path.startswith("/console/"):
        return errors.on_http_error(error)
    return finish(make_response(on_http_error(error)))


@bp.errorhandler(ValidationError)
def on_invalid_query(error: ValidationError) -> ResponseReturnValue:
    """400: the reasons by parameter."""
    return show_failure(400, errors=error.messages_dict)


@bp.errorhandler(SQLAlchemyError)
def on_absent_database(error: SQLAlchemyError) -> ResponseReturnValue:
    """503: the reason goes to the log."""
    errors.on_database_error(error)
    return show_failure(503)


@bp.errorhandler(HTTPException)
def on_http_error(error: HTTPException) -> ResponseReturnValue:
    """Any other status, with its headers, unless it is already an answer."""
    if error.response is not None:
        return error
    body, status = show_failure(
        error.code or 500,
        scope=getattr(error, "scope", None),
        busy=isinstance(error, ServiceUnavailable),  # busy with other exports
    )
    return body, status, errors.headers_of(error)


def show_failure(status: int, **more: Any) -> tuple[str, int]:
    """Show what went wrong, and where to continue."""
    title = translate(HTTPStatus(status).phrase)
    return render_template("console/failure.html", status=status, title=title, **more), status
