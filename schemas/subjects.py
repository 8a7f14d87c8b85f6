"""The queries and answers about single channels and groups."""

from marshmallow import Schema, fields, validate

from models.vocabulary import Action, SubjectType
from schemas.fields import DecimalInteger, Instant, word_field
from schemas.page import Order, PageQuerySchema, QuerySchema, page_of

APP = "SDKAppID; needed where several apps have a subject of this ID."


class StateQuerySchema(QuerySchema):
    """Which state of a subject."""

    at = Instant(metadata={"description": "At this instant; without it, now."})
    sdk_app_id = fields.String(metadata={"description": APP})


class StoryQuerySchema(StateQuerySchema):
    """Which part of the story of a subject, as people read it.

    Attributes:
        after: the event that the page before ended with.
        members: ``all``, or else the first only.
    """

    after = DecimalInteger()
    members = fields.String(validate=validate.Equal("all"))


class FieldValueSchema(Schema):
    """What a field is."""

    value = fields.Raw(
        required=True, metadata={"description": 'As Tencent sent it; "" where it was cleared.'}
    )
    since = Instant(brief=True, required=True)
    event_id = fields.Integer(required=True, metadata={"description": "The event that set it."})


class StateSchema(Schema):
    """A channel or group at an instant."""

    subject_type = word_field(SubjectType)
    subject_id = fields.String(required=True)
    sdk_app_id = fields.String(required=True)
    life = fields.Integer(
        required=True, metadata={"description": "Counts the incarnations of a reused ID from 1."}
    )
    status = fields.String(required=True, metadata={"enum": ["active", "destroyed"]})
    at = Instant(brief=True, required=True)
    created_at = Instant(
        brief=True,
        required=True,
        allow_none=True,
        metadata={"description": "Null where the creation was never seen."},
    )
    destroyed_at = Instant(brief=True, required=True, allow_none=True)
    last_event_id = fields.Integer(required=True)
    values = fields.Dict(
        keys=fields.String(),
        values=fields.Nested(FieldValueSchema),
        required=True,
        attribute="fields",
        data_key="fields",
        metadata={"description": "By name; one that was never mentioned is absent: unknown."},
    )


class VersionsQuerySchema(PageQuerySchema):
    """Which versions of a subject, and in which direction of time."""

    address = "/versions"

    class Meta:
        """Numbers and differences need all that came before."""

        exclude = ("since", "until")

    order = fields.Enum(
        Order,
        by_value=True,
        load_default=Order.ASC,
        metadata={"description": "Oldest first, or newest first."},
    )
    sdk_app_id = fields.String(metadata={"description": APP})


class ChangeSchema(Schema):
    """The difference in one field."""

    field = fields.String(required=True)
    old = fields.Raw(
        required=True, allow_none=True, metadata={"description": "Null where it was not known."}
    )
    new = fields.Raw(required=True)


class VersionSchema(Schema):
    """A subject after one event, compared with before."""

    version = fields.Integer(required=True)
    life = fields.Integer(required=True)
    event_id = fields.Integer(required=True)
    action = word_field(Action)
    occurred_at = Instant(brief=True, required=True)
    operator = fields.String(required=True, allow_none=True)
    platform = fields.String(required=True, allow_none=True)
    changes = fields.List(fields.Nested(ChangeSchema), required=True)


VersionPageSchema = page_of(VersionSchema)
