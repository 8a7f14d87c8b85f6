"""Every failure becomes one RFC 9457 problem document; callbacks answer in Tencent's shape."""

import logging
from typing import Any

from flask import Flask, Response, current_app
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

log = logging.getLogger(__name__)


def register_error_handlers(app: Flask) -> None:
    """Translate the failures we expect; Flask turns all others into a logged 500."""
    app.register_error_handler(ValidationError, on_invalid_query)
    app.register_error_handler(SQLAlchemyError, on_database_error)
    app.register_error_handler(HTTPException, on_http_error)


def on_invalid_query(error: ValidationError) -> ResponseReturnValue:
    """400: the reasons by parameter."""
    return problem(400, "Invalid query", errors=error.messages_dict)


def on_database_error(error: SQLAlchemyError) -> ResponseReturnValue:
    """503: the reason goes to our log, not to the client."""
    log.error("database failed: %s", error, exc_info=error)
    return problem(503, "Database unavailable", detail="Try again later.")


def on_http_error(error: HTTPException) -> ResponseReturnValue:
    """Any status Flask raises itself, with its headers: a 405 must send Allow.

    An unexpected exception arrives here too, as a 500 that Flask has logged.
    """
    response = problem(error.code or 500, error.name, detail=error.description)
    response.headers.extend(headers_of(error))
    return response


def headers_of(error: HTTPException) -> list[tuple[str, str]]:
    """Give the headers of an error, but for the type of a body that is not ours."""
    return [header for header in error.get_headers() if header[0] != "Content-Type"]


def problem(status: int, title: str, **members: Any) -> Response:
    """Build the document; ``members`` extend it as RFC 9457 section 3.2 allows."""
    document = {"type": "about:blank", "title": title, "status": status, **members}
    text = current_app.json.dumps(document)
    return Response(text, status, content_type="application/problem+json")
