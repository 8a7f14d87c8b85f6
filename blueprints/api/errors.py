"""Turn every failure of the reader into an RFC 9457 problem document."""

import logging
from typing import Any

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from werkzeug.exceptions import HTTPException

from blueprints.api.access import LackingScopeError, bp
from blueprints.api.runtime import is_outage, runtime
from models.database.connection import is_timeout

log = logging.getLogger(__name__)


@bp.app_errorhandler(ValidationError)
def on_invalid_query(error: ValidationError) -> ResponseReturnValue:
    """400: the reasons by parameter."""
    return problem(400, "Invalid query", errors=error.messages_dict)


@bp.app_errorhandler(SQLAlchemyError)
def on_database_error(error: SQLAlchemyError) -> ResponseReturnValue:
    """503 for a fault of the database: the reason goes to the log, not to the client.

    Raises:
        SQLAlchemyError: the query is wrong, which is a logged 500.
    """
    if not is_outage(error):
        raise error
    if isinstance(error, DBAPIError) and is_timeout(error):
        log.warning("question cut off: %r", request.full_path)
        seconds = runtime().settings.read_timeout.total_seconds()
        detail = (
            f"The database worked on it for READ_TIMEOUT_SECONDS ({seconds:g} s). "
            "Ask with narrower filters, such as a subject, or since and until."
        )
        return problem(503, "Question took too long", detail=detail)
    runtime().note_outage(error)
    return problem(503, "Database unavailable", detail="Try again later.")


@bp.app_errorhandler(HTTPException)
def on_http_error(error: HTTPException) -> ResponseReturnValue:
    """Any status that Flask raises, with its headers: a 405 must send Allow.

    An unexpected exception arrives here as well, as a 500 that Flask has logged.
    """
    more = {"scope": error.scope} if isinstance(error, LackingScopeError) else {}
    response = problem(error.code or 500, error.name, detail=error.description, **more)
    response.headers.extend(headers_of(error))
    return response


def headers_of(error: HTTPException) -> list[tuple[str, str]]:
    """Return the headers of an error, except the type of its own body."""
    return [header for header in error.get_headers() if header[0] != "Content-Type"]


def problem(status: int, title: str, **members: Any) -> Response:
    """Build a problem document; ``members`` extend it as RFC 9457 section 3.2 allows."""
    response = jsonify({"type": "about:blank", "title": title, "status": status, **members})
    response.status_code, response.content_type = status, "application/problem+json"
    return response
