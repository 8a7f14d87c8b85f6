"""What all answers share, and the small ones: to Tencent, about failures, about health."""

from collections.abc import Collection
from typing import Any, ClassVar

from marshmallow import INCLUDE, Schema, fields, validate

from schemas.fields import Instant, about


class AnswerSchema(Schema):
    """An answer with all of its members, except ``optional`` ones."""

    optional: ClassVar[Collection[str]] = ()

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Declare that in OpenAPI."""
        field_obj.required = field_name not in self.optional


class CallbackReplySchema(AnswerSchema):
    """The three fields Tencent expects, on every status.

    Source: Tencent Cloud Chat, "Webhook Overview", https://trtc.io/document/34354.
    """

    action_status = fields.String(data_key="ActionStatus", validate=validate.OneOf(["OK", "FAIL"]))
    error_info = fields.String(data_key="ErrorInfo")
    error_code = fields.Integer(data_key="ErrorCode")


class ProblemSchema(AnswerSchema):
    """A failure as RFC 9457 describes it."""

    class Meta:
        unknown = INCLUDE  # the RFC allows more members: ``/readyz`` has those of ``HealthSchema``

    optional = ("detail", "errors")

    type = fields.String()
    title = fields.String()
    status = fields.Integer(validate=validate.Range(400, 599))
    detail = fields.String()
    errors = fields.Dict(metadata=about("Reasons by parameter."))


class LivenessSchema(AnswerSchema):
    """The process answers."""

    status = fields.String(validate=validate.Equal("alive"))


class DatabaseHealthSchema(AnswerSchema):
    """What the database of the reader says of itself."""

    engine = fields.String()
    reachable = fields.Boolean()
    revision = fields.String(allow_none=True)
    expected_revision = fields.String(allow_none=True)


class JournalHealthSchema(AnswerSchema):
    """The status of the journal that callbacks are written to before they are in the database."""

    waiting = fields.Integer(metadata=about("Records that are not in the database yet."))
    stuck = fields.Integer(
        metadata=about("Those that the database rejects although it accepts others.")
    )
    oldest_received_at = Instant(allow_none=True)
    age_seconds = fields.Float(
        attribute="waited_seconds", metadata=about("How long the oldest has waited.")
    )
    room_bytes = fields.Integer(metadata=about("Free space on its disk."))
    kept_bytes = fields.Integer(metadata=about("Of records that are already in the database."))
    writable = fields.Boolean()
    recorder_at = Instant(allow_none=True, metadata=about("When the recorder was last at work."))
    recorder_at_work = fields.Boolean(
        metadata=about("Whether that was less than five seconds ago.")
    )


class HealthSchema(AnswerSchema):
    """What is known of the service's own health."""

    database = fields.Nested(DatabaseHealthSchema)
    journal = fields.Nested(
        JournalHealthSchema,
        allow_none=True,
        metadata=about("Null if its status cannot be read, as on another host."),
    )


class ReadinessSchema(HealthSchema):
    """History can be read and callbacks arrive in it; a 503 has the other members too."""

    status = fields.String(validate=validate.Equal("ready"))
