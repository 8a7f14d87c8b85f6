"""The queries of exports, and the columns they write."""

from enum import StrEnum

from marshmallow import fields

from models.vocabulary import Action, SubjectType
from schemas.api.answers import AnswerSchema
from schemas.api.deliveries import (
    DeliveryQuerySchema,
    DeliverySchema,
    QuarantinedRequestSchema,
)
from schemas.api.history import EventSchema, HistoryQuerySchema
from schemas.api.page import Order, QuerySchema
from schemas.api.subjects import StateSchema
from schemas.fields import Instant, about, word_field


class ExportFormat(StrEnum):
    """How an export is written."""

    NDJSON = "ndjson"
    CSV = "csv"
    XLSX = "xlsx"


CONTENT_TYPES = {
    ExportFormat.NDJSON: "application/x-ndjson",
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class FormatQuerySchema(QuerySchema):
    """Which format."""

    format = fields.Enum(
        ExportFormat,
        by_value=True,
        load_default=ExportFormat.NDJSON,
        metadata=about("One JSON object per line, a table as text, or a workbook."),
    )


class ExportQuerySchema(FormatQuerySchema, HistoryQuerySchema):
    """Filters of ``/export``: those of ``/history``, without its pages."""

    class Meta:
        exclude = ("limit", "cursor")  # all pages are written


class EventRowSchema(EventSchema):
    """An event as a row: its members are rows of their own."""

    class Meta:
        exclude = ("members",)  # too many for a cell

    member_count = fields.Integer(metadata=about("How many users the event names."))


class UserEventRowSchema(EventRowSchema):
    """An event that names a user, as a row."""

    class Meta:
        exclude = ("members", "details", "delivery_count")  # a list of events does not show these

    roles = fields.String(metadata=about("Roles of the user in it."))


class DeliveryLinesQuerySchema(DeliveryQuerySchema):
    """Filters of deliveries that are exported byte for byte, oldest first."""

    class Meta:
        exclude = ("limit", "cursor")  # all pages are written

    order = fields.Enum(Order, by_value=True, load_default=Order.ASC)


class DeliveryLineSchema(DeliverySchema):
    """A delivery byte for byte, ``Sign`` included."""

    uuid = fields.String()
    query_string = fields.String()
    body = fields.String(allow_none=True)
    body_base64 = fields.String(allow_none=True)


class MemberRowSchema(AnswerSchema):
    """A user that an event names."""

    event_id = fields.Integer()
    occurred_at = Instant(brief=True, metadata=about("When the event occurred."))
    subject_type = word_field(SubjectType)
    subject_id = fields.String()
    sdk_app_id = fields.String()
    action = word_field(Action)
    user_id = fields.String()


class SubjectRowSchema(StateSchema):
    """The present state of a channel or group as a row: a column for each field."""

    class Meta:
        exclude = ("at", "values")  # each value without the event that set it

    changed_at = Instant(brief=True, metadata=about("When the last event occurred."))
    name = fields.Raw(allow_none=True, metadata=about("Null if it was never reported."))
    owner = fields.Raw(allow_none=True)
    introduction = fields.Raw(allow_none=True)
    notification = fields.Raw(allow_none=True)
    face_url = fields.Raw(allow_none=True)
    organization = fields.Raw(allow_none=True)
    group_type = fields.Raw(allow_none=True)


class RefusalRowSchema(QuarantinedRequestSchema):
    """A refused request as a row, without its body."""

    class Meta:
        exclude = ("body", "body_base64")  # up to megabytes each

    sdk_app_id = fields.String(
        allow_none=True, metadata=about("The app it names; null if that is not one of yours.")
    )
