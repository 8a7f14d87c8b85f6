"""Bind a read view to its schemas, once, for requests, answers and OpenAPI alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import Response, jsonify, request, url_for
from marshmallow import Schema

from schemas.cursor import encode_cursor
from schemas.page import PageQuery, QuerySchema
from services.pages import Page

ROW_ID = f"int(max={2**63 - 1})"


@dataclass(frozen=True)
class Operation:
    """The schemas of a read view; found on it as ``view.operation``.

    Attributes:
        answer: none where it is mere text.
    """

    query: QuerySchema
    answer: Schema | None
    content_types: Sequence[str] = ("application/json",)

    @property
    def shape(self) -> type[Schema] | dict[str, str]:
        """What OpenAPI says of the answer."""
        return {"type": "string"} if self.answer is None else type(self.answer)


def operation(
    answer: type[Schema], *, query: type[QuerySchema] = QuerySchema
) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
    """Make a view of a function from what ``query`` loads to what ``answer`` dumps.

    The function is called with the path parameters, and with ``query`` where one is given. Its
    answer carries a strong ETag, and is left out (304) where the client has it already.

    Raises:
        ValidationError: on a parameter that is unknown or malformed.
    """
    shape = answer()
    schemas = Operation(query(), shape)

    def decorate(function: Callable[..., Any]) -> Callable[..., Response]:
        @wraps(function)
        def view(**path: Any) -> Response:
            loaded = schemas.query.load(request.args.to_dict(flat=False))
            if query is not QuerySchema:
                path["query"] = loaded
            answered = shape.dump(function(**path))
            response = answer_json(answered)
            if answered.get("next_cursor"):
                response.headers["Link"] = f'<{next_page(answered["next_cursor"])}>; rel="next"'
            return response

        view.operation = schemas  # type: ignore[attr-defined]
        return view

    return decorate


def answer_json(data: Any) -> Response:
    """Answer with JSON and a strong ETag, or with 304 to who has it already."""
    response = jsonify(data)
    response.add_etag()
    response.make_conditional(request)
    return response


def answer_page(query: PageQuery, page: Page) -> dict[str, Any]:
    """Give a page its cursor, which belongs to this query alone."""
    cursor = None if page.next is None else encode_cursor(page.next, scope=query.scope)
    return {"items": page.items, "next_cursor": cursor}


def next_page(cursor: str) -> str:
    """Write the address of this page's successor, as RFC 8288 wants it in ``Link``."""
    path = request.view_args or {}
    arguments: dict[str, Any] = path | request.args.to_dict(flat=False) | {"cursor": cursor}
    return url_for(request.endpoint or "", **arguments)
