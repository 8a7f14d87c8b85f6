"""What the queries and answers of all paged addresses share."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from marshmallow import Schema, ValidationError, fields, post_load, pre_load, validate

from schemas.cursor import CursorError, Position, decode_cursor
from schemas.fields import DecimalInteger, Instant

DEFAULT_LIMIT = 50
MAX_LIMIT = 500


class Order(StrEnum):
    """In which direction of time a page runs."""

    DESC = "desc"
    ASC = "asc"


@dataclass(frozen=True)
class PageQuery:
    """One page of a filtered list.

    Attributes:
        filters: by name; only those that were given.
        after: the last row of the page before, or none for the first page.
        scope: what a cursor of this query belongs to.
    """

    filters: Mapping[str, Any]
    order: Order
    limit: int
    after: Position | None
    scope: str


class QuerySchema(Schema):
    """A query string: parameters it does not know are errors, as are repeated ones."""

    @pre_load
    def take_values(self, args: Mapping[str, Sequence[str]], **_: Any) -> dict[str, Any]:
        """Turn ``name → values`` into single values, except where a list is meant."""
        values: dict[str, Any] = {}
        for name, given in args.items():
            listed = isinstance(self.fields.get(name), fields.List)
            if len(given) > 1 and not listed:
                raise ValidationError("Given more than once.", field_name=name)
            values[name] = list(given) if listed else given[0]
        return values


class PagedQuerySchema(QuerySchema):
    """Parameters of every paged address.

    Attributes:
        address: tells the cursors of two addresses apart.
    """

    address: ClassVar[str]

    limit = DecimalInteger(
        load_default=DEFAULT_LIMIT,
        validate=validate.Range(min=1, max=MAX_LIMIT),
        metadata={"description": "Rows of a page."},
    )
    cursor = fields.String(
        metadata={"description": "`next_cursor` of the page before; all else must be the same."}
    )


class PageQuerySchema(PagedQuerySchema):
    """Parameters of every address that is paged by time; a subclass adds its filters."""

    since = Instant(metadata={"description": "From this instant on."})
    until = Instant(metadata={"description": "Before this instant."})
    order = fields.Enum(
        Order,
        by_value=True,
        load_default=Order.DESC,
        metadata={"description": "Newest first, or oldest first."},
    )

    @post_load
    def to_page_query(self, data: dict[str, Any], **_: Any) -> PageQuery:
        """Bind the cursor to everything but the size of the page."""
        order, cursor = data.pop("order"), data.pop("cursor", None)
        limit = data.pop("limit", MAX_LIMIT)
        scope = json.dumps([self.address, order, data], sort_keys=True, default=str)
        try:
            after = None if cursor is None else decode_cursor(cursor, scope=scope)
        except CursorError as error:
            raise ValidationError(f"Not a cursor of this query: {error}.", "cursor") from None
        return PageQuery(data, order, limit, after, scope)


def page_of(item: type[Schema]) -> type[Schema]:
    """Make the schema of a page of items."""
    next_cursor = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Where the next page starts; null on the last one."},
    )
    return Schema.from_dict(
        {"items": fields.List(fields.Nested(item), required=True), "next_cursor": next_cursor},
        name=item.__name__.replace("Schema", "PageSchema"),
    )
