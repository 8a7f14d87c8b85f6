"""The parameters and the shape that all paged addresses share."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic

from marshmallow import (
    Schema,
    ValidationError,
    fields,
    post_load,
    pre_load,
    validate,
    validates_schema,
)

from schemas.api.answers import AnswerSchema
from schemas.api.cursor import AnyPosition, Position, decode_cursor
from schemas.fields import MOST_CHARACTERS, DecimalInteger, Instant, about

DEFAULT_LIMIT = 50
MAX_LIMIT = 500


class Order(StrEnum):
    """The direction of time in which a page runs."""

    DESC = "desc"
    ASC = "asc"


@dataclass(frozen=True)
class ListQuery(Generic[AnyPosition]):
    """One page of a filtered list.

    Attributes:
        filters: by name, the order included; only those that were given or have a default.
        after: the end of the previous page, or none for the first page.
        scope: binds the cursors of this query.
        position: what such a cursor holds.
        is_backward: whether ``after`` is the beginning of the following page instead.
    """

    filters: Mapping[str, Any]
    limit: int
    after: AnyPosition | None
    scope: str
    position: type[AnyPosition]
    is_backward: bool = False


PageQuery = ListQuery[Position]


class QuerySchema(Schema):
    """A query string; unknown and repeated parameters are errors."""

    @pre_load
    def take_values(self, args: Mapping[str, Sequence[str]], **_: Any) -> dict[str, Any]:
        """Turn ``name → values`` into single values, except for list fields."""
        values: dict[str, Any] = {}
        for name, given in args.items():
            listed = isinstance(self.fields.get(name), fields.List)
            if len(given) > 1 and not listed:
                raise ValidationError("Given more than once.", field_name=name)
            values[name] = list(given) if listed else given[0]
        return values


class PagedQuerySchema(QuerySchema):
    """Parameters of every paged address."""

    limit = DecimalInteger(
        load_default=DEFAULT_LIMIT,
        validate=validate.Range(min=1, max=MAX_LIMIT, error="Must be from {min} to {max}."),
        metadata=about("Rows per page."),
    )
    cursor = fields.String(
        validate=validate.Length(min=1, max=2 * MOST_CHARACTERS),  # it may hold the longest ID
        metadata=about("`next_cursor` of the previous page; change nothing but `limit`."),
    )

    @post_load
    def to_query(self, data: dict[str, Any], **_: Any) -> ListQuery[Any]:
        """Bind the cursor to this schema and to everything except the size of the page."""
        limit, cursor = data.pop("limit", MAX_LIMIT), data.pop("cursor", None)
        before = data.pop("before", None)
        scope = json.dumps([type(self).__name__, data], sort_keys=True, default=str)
        text = cursor if before is None else before
        position = self.choose_position(data)
        after = None if text is None else decode_cursor(text, position, scope=scope)
        return ListQuery(data, limit, after, scope, position, is_backward=before is not None)

    def choose_position(self, filters: Mapping[str, Any]) -> type[Any]:
        """Choose what a cursor holds."""
        return Position


class PageQuerySchema(PagedQuerySchema):
    """Parameters of every address that is paged by time; a subclass adds its filters."""

    since = Instant(metadata=about("At this time or later."))
    until = Instant(metadata=about("Before this time."))
    order = fields.Enum(
        Order,
        by_value=True,
        load_default=Order.DESC,
        metadata=about("Newest first, or oldest first."),
    )

    @validates_schema
    def check_period(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse a time that ends before it begins."""
        if "since" in data and "until" in data and data["since"] > data["until"]:
            raise ValidationError("Must not be later than until.", "since")


def page_of(item: type[Schema]) -> type[Schema]:
    """Make the schema of a page of items."""
    next_cursor = fields.String(
        allow_none=True, metadata=about("Where the next page starts; null on the last one.")
    )
    return AnswerSchema.from_dict(
        {"items": fields.List(fields.Nested(item)), "next_cursor": next_cursor},
        name=item.__name__.replace("Schema", "PageSchema"),
    )
