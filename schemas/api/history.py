"""The query and the answers of ``/history``."""

from marshmallow import fields, validate

from models.vocabulary import Action, SubjectType
from schemas.api.answers import AnswerSchema
from schemas.api.deliveries import EventDeliverySchema
from schemas.api.page import PageQuerySchema, page_of
from schemas.fields import Instant, about, app_filter, text_filter, word_field


class HistoryQuerySchema(PageQuerySchema):
    """Filters of ``/history``; an event has to pass all that are given."""

    subject_type = fields.Enum(SubjectType, by_value=True, metadata=about("Kind of subject."))
    subject_id = text_filter("ID of the channel or group.")
    action = fields.List(
        fields.Enum(Action, by_value=True),
        metadata=about("What happened; repeat it to allow several."),
    )
    operator = text_filter("User ID of the operator.")
    owner = text_filter("User ID of the owner.")
    member = text_filter("User ID of a member that the event names.")
    sdk_app_id = app_filter()


class UserQuerySchema(PageQuerySchema):
    """Which events that name a user, in one role or in any."""

    role = fields.String(validate=validate.OneOf(["operator", "owner", "member"]))


class EventSchema(AnswerSchema):
    """One lifecycle event."""

    id = fields.Integer()
    subject_type = word_field(SubjectType)
    subject_id = fields.String()
    action = word_field(Action)
    command = fields.String(metadata=about("Tencent's name for it."))
    sdk_app_id = fields.String()
    operator = fields.String(
        allow_none=True, metadata=about("User ID; null if Tencent reports none.")
    )
    owner = fields.String(allow_none=True)
    name = fields.String(allow_none=True)
    occurred_at = Instant(
        brief=True, metadata=about("`event_time`, or `received_at` where that is null.")
    )
    received_at = Instant()
    event_time = fields.Integer(
        allow_none=True, metadata=about("Tencent's `EventTime`, milliseconds since 1970 UTC.")
    )
    client_ip = fields.String(allow_none=True)
    platform = fields.String(allow_none=True)
    details = fields.Dict(metadata=about("All other fields of the body by their wire names."))
    members = fields.List(
        fields.String(), metadata=about("User IDs the event names, in Tencent's order.")
    )
    delivery_id = fields.Integer()
    delivery_count = fields.Integer(metadata=about("How often Tencent delivered it."))


class EventDetailSchema(EventSchema):
    """One lifecycle event with the delivery it was read from."""

    delivery = fields.Nested(EventDeliverySchema)


EventPageSchema = page_of(EventSchema)
