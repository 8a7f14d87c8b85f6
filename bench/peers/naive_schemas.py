"""What the naive peer expects in a body: small marshmallow schemas of its own."""

from marshmallow import INCLUDE, Schema, fields, validate

IDENTIFIER = validate.Length(min=1, max=255)


class CallbackSchema(Schema):
    """What all bodies have; fields that are not named are kept as they are."""

    class Meta:
        """Tencent may add fields."""

        unknown = INCLUDE

    operator = fields.String(data_key="Operator_Account", allow_none=True, validate=IDENTIFIER)
    owner = fields.String(data_key="Owner_Account", allow_none=True, validate=IDENTIFIER)
    name = fields.String(data_key="Name", allow_none=True)
    event_time = fields.Integer(data_key="EventTime", required=True)


class ChannelSchema(CallbackSchema):
    """``OfficialAccount.*``."""

    subject_id = fields.String(data_key="Official_Account", required=True, validate=IDENTIFIER)
    Introduction = fields.String()
    FaceUrl = fields.String()
    Organization = fields.String()


class MemberSchema(Schema):
    """An item of ``MemberList``."""

    user_id = fields.String(data_key="Member_Account", required=True, validate=IDENTIFIER)


class GroupSchema(CallbackSchema):
    """``Group.*``."""

    subject_id = fields.String(data_key="GroupId", required=True, validate=IDENTIFIER)
    Type = fields.String()
    members = fields.List(fields.Nested(MemberSchema), data_key="MemberList", load_default=list)


COMMANDS: dict[str, tuple[Schema, str, str]] = {
    "OfficialAccount.CallbackAfterCreateOfficialAccount": (ChannelSchema(), "channel", "created"),
    "OfficialAccount.CallbackAfterOfficialAccountInfoChanged": (
        ChannelSchema(),
        "channel",
        "profile_changed",
    ),
    "OfficialAccount.CallbackAfterOfficialAccountDestroyed": (
        ChannelSchema(),
        "channel",
        "destroyed",
    ),
    "Group.CallbackAfterGroupDestroyed": (GroupSchema(), "group", "destroyed"),
}
