"""The query and the answers of ``/history``."""

from marshmallow import Schema, fields

from models.vocabulary import Action, SubjectType
from schemas.deliveries import DeliveryDetailSchema
from schemas.fields import Instant, word_field
from schemas.page import PageQuerySchema, page_of


class HistoryQuerySchema(PageQuerySchema):
    """Filters of ``/history``; an event has to pass all that are given."""

    address = "/history"

    subject_type = fields.Enum(
        SubjectType, by_value=True, metadata={"description": "What kind of subject."}
    )
    subject_id = fields.String(metadata={"description": "ID of a channel or group."})
    action = fields.List(
        fields.Enum(Action, by_value=True),
        metadata={"description": "What happened; repeat it to allow several."},
    )
    operator = fields.String(metadata={"description": "User ID of who did it."})
    owner = fields.String(metadata={"description": "User ID of the owner."})
    member = fields.String(metadata={"description": "A user ID among `members`."})
    sdk_app_id = fields.String(metadata={"description": "SDKAppID of the app."})


class EventSchema(Schema):
    """One lifecycle event."""

    id = fields.Integer(required=True)
    subject_type = word_field(SubjectType)
    subject_id = fields.String(required=True)
    action = word_field(Action)
    command = fields.String(required=True, metadata={"description": "Tencent's name for it."})
    sdk_app_id = fields.String(required=True)
    operator = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "User ID; null where Tencent does not say who did it."},
    )
    owner = fields.String(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True)
    occurred_at = Instant(
        brief=True,
        required=True,
        metadata={"description": "`event_time`, or `received_at` where that is null."},
    )
    received_at = Instant(required=True)
    event_time = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Tencent's `EventTime`, milliseconds since 1970 UTC."},
    )
    client_ip = fields.String(required=True, allow_none=True)
    platform = fields.String(required=True, allow_none=True)
    details = fields.Dict(
        required=True,
        metadata={"description": "All other fields of the body by their wire names."},
    )
    members = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "User IDs the event names, in Tencent's order."},
    )
    delivery_id = fields.Integer(required=True)
    delivery_count = fields.Integer(
        required=True, metadata={"description": "How often Tencent delivered it."}
    )


class EventDetailSchema(EventSchema):
    """One lifecycle event with the delivery it was read from."""

    delivery = fields.Nested(DeliveryDetailSchema, required=True)


EventPageSchema = page_of(EventSchema)
