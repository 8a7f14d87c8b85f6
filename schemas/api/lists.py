"""What the lists of the console can be asked beyond what the API can."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, post_load, validate

from schemas.api.cursor import Position, SubjectPosition
from schemas.api.deliveries import DeliveryQuerySchema, QuarantineQuerySchema
from schemas.api.history import HistoryQuerySchema
from schemas.api.page import ListQuery, PagedQuerySchema, PageQuerySchema
from schemas.api.subjects import SubjectSearchSchema


class BothWaysSchema(PagedQuerySchema):
    """A list that also leads to the page before.

    Attributes:
        before: a cursor, of what the page after it begins with.
    """

    before = fields.String()


class EventListSchema(BothWaysSchema, HistoryQuerySchema):
    """Which events."""


class DeliveryListSchema(BothWaysSchema, DeliveryQuerySchema):
    """Which deliveries."""


class QuarantineListSchema(BothWaysSchema, QuarantineQuerySchema):
    """Which refused requests."""


class SubjectListSchema(BothWaysSchema, SubjectSearchSchema):
    """Which channels or groups, and in which order.

    Attributes:
        sort: by which time, the newest on top, or by ID. Without it, those that have ended come by
            their end, others by their last change.
    """

    sort = fields.String(validate=validate.OneOf(["changed", "created", "ended", "id"]))

    @post_load
    def to_query(self, data: dict[str, Any], **_: Any) -> ListQuery[Any]:
        """Choose an order, unless one is given."""
        data.setdefault("sort", "ended" if data.get("status") == "destroyed" else "changed")
        query: ListQuery[Any] = super().to_query(data)
        return query

    def choose_position(self, filters: Mapping[str, Any]) -> type[Position | SubjectPosition]:
        """Go on from an event in a list by time, and from a subject in one by ID."""
        return Position if is_by_time(filters) else SubjectPosition


def is_by_time(filters: Mapping[str, Any]) -> bool:
    """Tell whether subjects come in order of time: an index of names, IDs or owners has none."""
    return filters["sort"] != "id" and filters.keys().isdisjoint({"id", "name", "owner"})


class UserQuerySchema(BothWaysSchema, PageQuerySchema):
    """Which events that name a user.

    Attributes:
        role: as what they name the user; without it, as anything.
    """

    role = fields.String(validate=validate.OneOf(["operator", "owner", "member"]))
