"""What the lists of the console can be asked beyond what the API can."""

from marshmallow import fields, validate

from schemas.api.deliveries import DeliveryQuerySchema, QuarantineQuerySchema
from schemas.api.history import HistoryQuerySchema
from schemas.api.page import PagedQuerySchema, PageQuerySchema


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


class UserQuerySchema(BothWaysSchema, PageQuerySchema):
    """Which events that name a user.

    Attributes:
        role: as what they name the user; without it, as anything.
    """

    role = fields.String(validate=validate.OneOf(["operator", "owner", "member"]))
