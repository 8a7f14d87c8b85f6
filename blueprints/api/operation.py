"""Bind a view to its schemas, once for requests, answers and OpenAPI."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any
from urllib.parse import unquote_to_bytes

from flask import Response, jsonify, request, url_for
from marshmallow import Schema
from werkzeug.exceptions import BadRequest

from schemas.api.cursor import encode_cursor
from schemas.api.page import PageQuery, QuerySchema
from schemas.api.slips import refuse_slip
from services.reading.pages import Page

JSON = "application/json"


@dataclass(frozen=True)
class Operation:
    """The schemas of a view, available as ``view.operation``.

    Attributes:
        answer: none if the answer is plain text.
    """

    query: type[QuerySchema]
    answer: type[Schema] | None
    content_types: Sequence[str]


def operation(
    answer: type[Schema] | None,
    *,
    query: type[QuerySchema] = QuerySchema,
    content_types: Sequence[str] = (JSON,),
) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
    """Make a view of a function from what ``query`` loads to what ``answer`` dumps, or a response.

    The function is called with the path parameters, and with ``query`` if one is given. A dumped
    answer has a strong ETag, and becomes 304 if the client already has it.

    Raises:
        ValidationError: a parameter is unknown or malformed.
        BadRequest: as ``read_arguments``.
    """
    asked, shape = query(), (answer or Schema)()

    def decorate(function: Callable[..., Any]) -> Callable[..., Response]:
        @wraps(function)
        def view(**path: Any) -> Response:
            loaded = asked.load(read_arguments())
            if query is not QuerySchema:
                path["query"] = loaded
            answered = function(**path)
            if isinstance(answered, Response):
                return answered
            return answer_json(shape.dump(answered))

        view.operation = Operation(query, answer, content_types)  # type: ignore[attr-defined]
        return view

    return decorate


def read_arguments() -> dict[str, list[str]]:
    """Return the values of each parameter.

    Raises:
        BadRequest: the query string is not UTF-8.
    """
    try:
        unquote_to_bytes(request.query_string).decode()
    except UnicodeDecodeError:
        raise BadRequest("The query string is not UTF-8.") from None
    return request.args.to_dict(flat=False)


def answer_json(data: dict[str, Any]) -> Response:
    """Answer with JSON and a strong ETag, or with 304 if the client already has it.

    A page has the address of the next one as ``Link`` (RFC 8288).
    """
    response = jsonify(data)
    response.add_etag()
    response.make_conditional(request)
    if cursor := data.get("next_cursor"):
        arguments = {**(request.view_args or {}), **request.args.to_dict(flat=False)}
        address = url_for(request.endpoint or "", **arguments | {"cursor": cursor})
        response.headers["Link"] = f'<{address}>; rel="next"'
    return response


def answer_page(
    query: PageQuery,
    fetch: Callable[[PageQuery], Page],
) -> dict[str, Any]:
    """Fetch a page, and return it with its cursors, which belong to this query alone.

    Raises:
        ValidationError: nothing was found, probably because of a slip in the address.
    """
    page = fetch(query)
    if not page.items and page.next is query.after is None:
        refuse_slip(query, fetch)
    write = partial(encode_cursor, shape=query.shape, scope=query.scope)
    return {
        "items": page.items,
        "next_cursor": page.next and write(page.next),
        "previous_cursor": page.previous and write(page.previous, is_backward=True),
    }
