"""What all pages of the console share: who may look, templates, failures."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from flask import Blueprint, make_response, render_template, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from marshmallow import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from blueprints import errors
from blueprints.console.access import require_reader, show_sign_in, sign_in, sign_out
from blueprints.console.arguments import address_events, to_picker, with_arguments
from blueprints.console.language import LANGUAGES, chosen_language, say, translate
from blueprints.console.sending import address_asset, finish
from blueprints.console.untrusted import NOTHING, show_text
from models.types import dump_json

bp = Blueprint(
    "console",
    __name__,
    url_prefix="/console",
    template_folder="templates",
    static_folder="static",
)
bp.before_request(require_reader)
bp.after_request(finish)
bp.get("/sign-in")(show_sign_in)
bp.post("/sign-in")(sign_in)
bp.post("/sign-out")(sign_out)


@bp.record_once
def set_up_templates(state: BlueprintSetupState) -> None:
    """Give templates what they show texts and times with."""
    environment: Any = state.app.jinja_env
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(translate, lambda one, *_: translate(one), newstyle=True)
    environment.filters.update(shown=show_text, say=say, time=show_time, picked=to_picker)
    environment.filters["plain"] = to_text
    environment.globals.update(
        address_asset=address_asset,
        address_events=address_events,
        with_arguments=with_arguments,
        languages=LANGUAGES,
    )


@bp.context_processor
def tell_language() -> dict[str, str]:
    """Let a page say which language it is in."""
    return {"language": chosen_language()}


def show_time(instant: datetime | None) -> Markup:
    """Show an instant in UTC; a script adds the reader's own time."""
    if instant is None:
        return NOTHING
    precise = instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
    brief = instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(precise, brief)


def to_text(value: Any) -> str:
    """Write a value of a body as people read it: text as it is, all else as JSON."""
    return value if isinstance(value, str) else dump_json(value)


@bp.app_errorhandler(HTTPException)
def on_unknown_address(error: HTTPException) -> ResponseReturnValue:
    """A page, where an address looks like one of the console; no view has been called."""
    if not request.path.startswith("/console/"):
        return errors.on_http_error(error)
    return finish(make_response(on_http_error(error)))


@bp.errorhandler(ValidationError)
def on_invalid_query(error: ValidationError) -> ResponseReturnValue:
    """400: the reasons by parameter."""
    return show_failure(400, errors=error.messages_dict)


@bp.errorhandler(SQLAlchemyError)
def on_absent_database(error: SQLAlchemyError) -> ResponseReturnValue:
    """503: the reason goes to our log."""
    errors.on_database_error(error)
    return show_failure(503)


@bp.errorhandler(HTTPException)
def on_http_error(error: HTTPException) -> ResponseReturnValue:
    """Any other status, with its headers, unless it is an answer already."""
    if error.response is not None:
        return error
    body, status = show_failure(error.code or 500)
    return body, status, errors.headers_of(error)


def show_failure(status: int, **more: Any) -> tuple[str, int]:
    """Show what went wrong, and where to go on."""
    title = translate(HTTPStatus(status).phrase)
    return render_template("console/failure.html", status=status, title=title, **more), status
