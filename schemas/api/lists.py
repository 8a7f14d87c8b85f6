"""The queries of the console's lists, beyond those of the API."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate

from schemas.api.deliveries import DeliveryQuerySchema, QuarantineQuerySchema
from schemas.api.history import HistoryQuerySchema
from schemas.api.page import PagedQuerySchema, PageQuerySchema
from schemas.api.readings import ReadingQuerySchema
from schemas.api.subjects import SubjectsQuerySchema


class BothWaysSchema(PagedQuerySchema):
    """A list that also leads to the previous page, by a cursor of the first row after it."""

    before = fields.String()


class EventListSchema(BothWaysSchema, HistoryQuerySchema):
    """Which events."""


class DeliveryListSchema(BothWaysSchema, DeliveryQuerySchema):
    """Which deliveries."""


class QuarantineListSchema(BothWaysSchema, QuarantineQuerySchema):
    """Which refused requests."""


class ReadingListSchema(BothWaysSchema, ReadingQuerySchema):
    """Which acts of reading."""


class SubjectListSchema(BothWaysSchema, SubjectsQuerySchema):
    """Which channels or groups, and in which order."""

    id = fields.String()

    def choose_sort(self, filters: Mapping[str, Any]) -> str:
        """Choose the order that an index of the filter has, or else newest first."""
        if "id" in filters or "name" in filters:
            return super().choose_sort(filters)
        return "ended" if filters.get("status") == "destroyed" else "changed"


class UserQuerySchema(BothWaysSchema, PageQuerySchema):
    """Which events that name a user, in one role or in any."""

    role = fields.String(validate=validate.OneOf(["operator", "owner", "member"]))
