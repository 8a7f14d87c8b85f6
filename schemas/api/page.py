"""The parameters and the shape that all paged addresses share."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

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
from schemas.api.cursor import BY_TIME, Position, decode_cursor
from schemas.fields import MOST_CHARACTERS, DecimalInteger, Instant, about

DEFAULT_LIMIT = 50
MAX_LIMIT = 500


class Order(StrEnum):
    """The direction of time in which a page runs."""

    DESC = "desc"
    ASC = "asc"


@dataclass(frozen=True)
class PageQuery:
    """One page of a filtered list.

    Attributes:
        filters: by name, the order included; only those that were given or have a default.
        after: the end of the previous page, or none for the first page.
        scope: binds the cursors of this query.
        shape: what such a cursor holds.
        is_backward: whether ``after`` is the beginning of the following page instead.
    """

    filters: Mapping[str, Any]
    limit: int
    after: Position | None = None
    scope: str = ""
    shape: fields.Tuple = BY_TIME
    is_backward: bool = False


class QuerySchema(Schema):
    """A query string; unknown and repeated parameters are errors."""

    @pre_load
    def take_values(self, args: Mapping[str, Sequence[str]], **_: Any) -> dict[str, Any]:
        """Turn ``name → values`` into single values, except for list fields.

        Raises:
            ValidationError: one is given more than once.
        """
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
    def to_query(self, data: dict[str, Any], **_: Any) -> PageQuery:
        """Bind the cursor to this schema and to everything except the size of the page.

        Raises:
            ValidationError: as ``decode_cursor``.
        """
        limit, cursor = data.pop("limit", MAX_LIMIT), data.pop("cursor", None)
        scope = json.dumps([type(self).__name__, data], sort_keys=True, default=str)
        query = PageQuery(data, limit, scope=scope, shape=self.choose_shape(data))
        if cursor is None:
            return query
        is_backward, after = decode_cursor(cursor, query.shape, scope=scope)
        return replace(query, after=after, is_backward=is_backward)

    def choose_shape(self, filters: Mapping[str, Any]) -> fields.Tuple:
        """Choose what a cursor holds."""
        return BY_TIME


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
        """Refuse a time that ends before it begins.

        Raises:
            ValidationError: it does.
        """
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
