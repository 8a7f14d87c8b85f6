"""Small answers: to Tencent, about failures, about health."""

from marshmallow import INCLUDE, Schema, fields, validate

from schemas.fields import Instant


class CallbackReplySchema(Schema):
    """The three fields Tencent expects, on every status.

    Source: Tencent Cloud Chat, "Webhook Overview", https://trtc.io/document/34354.
    """

    action_status = fields.String(
        required=True, data_key="ActionStatus", validate=validate.OneOf(["OK", "FAIL"])
    )
    error_info = fields.String(required=True, data_key="ErrorInfo")
    error_code = fields.Integer(required=True, data_key="ErrorCode")


class ProblemSchema(Schema):
    """A failure as RFC 9457 describes it."""

    class Meta:
        """The RFC allows more members: ``/readyz`` tells what it found."""

        unknown = INCLUDE

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String()
    errors = fields.Dict(metadata={"description": "Reasons by parameter."})


class LivenessSchema(Schema):
    """The process answers."""

    status = fields.String(required=True, validate=validate.Equal("alive"))


class DatabaseHealthSchema(Schema):
    """What the database says of itself."""

    engine = fields.String(required=True)
    reachable = fields.Boolean(required=True)
    revision = fields.String(required=True, allow_none=True)
    expected_revision = fields.String(required=True, allow_none=True)


class SpoolHealthSchema(Schema):
    """What waits on disk until the database takes it."""

    depth = fields.Integer(required=True, metadata={"description": "Callbacks that wait."})
    stuck = fields.Integer(
        required=True,
        metadata={"description": "Those that the database does not take though it takes others."},
    )
    oldest_received_at = Instant(required=True, allow_none=True)
    age_seconds = fields.Float(
        required=True, metadata={"description": "How long the oldest has waited."}
    )
    writable = fields.Boolean(required=True)


class ReadinessSchema(Schema):
    """Callbacks are stored at once; the other members also come with the 503 if they are not."""

    status = fields.String(required=True, validate=validate.Equal("ready"))
    database = fields.Nested(DatabaseHealthSchema, required=True)
    read_database = fields.Nested(DatabaseHealthSchema, required=True)
    spool = fields.Nested(SpoolHealthSchema, required=True)
