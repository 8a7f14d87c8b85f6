"""The queries and answers of ``/deliveries``, ``/quarantine`` and ``/drift``."""

from base64 import b64encode
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from marshmallow import fields, pre_dump, validate

from models.vocabulary import Refusal, Verdict
from schemas.api.answers import AnswerSchema
from schemas.api.page import PageQuerySchema, page_of
from schemas.fields import Instant, about, app_filter, text_filter, word_field
from schemas.tencent.drift import JSON_TYPES


class DeliveryQuerySchema(PageQuerySchema):
    """Filters of ``/deliveries``; a delivery has to pass all that are given."""

    verdict = fields.Enum(Verdict, by_value=True, metadata=about("Verdict of the delivery."))
    command = text_filter("Tencent's `CallbackCommand`.")
    sdk_app_id = app_filter()


class QuarantineQuerySchema(PageQuerySchema):
    """Filters of ``/quarantine``; a request has to pass all that are given."""

    reason = fields.Enum(Refusal, by_value=True, metadata=about("Why it was refused."))
    sender = text_filter("The app it names, if that is one of yours; else the sender's address.")
    sdk_app_id = app_filter("The app it names, if that is one of yours.")
    known_app = fields.String(
        validate=validate.OneOf(["yes", "no"]), metadata=about("Whether it names one of your apps.")
    )


def spell_bytes(body: bytes) -> dict[str, str]:
    """Write a body as text if it is UTF-8, else in base64."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": b64encode(body).decode()}


class RawBodySchema(AnswerSchema):
    """A body as received: text where it is UTF-8, else base64."""

    optional: ClassVar[Collection[str]] = ("body", "body_base64")

    body = fields.String(metadata=about("The body, if it is UTF-8."))
    body_base64 = fields.String(metadata=about("The body in base64, if it is not."))

    @pre_dump
    def spell_body(self, row: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        """Write the bytes as text or in base64."""
        rest = {name: value for name, value in row.items() if name != "body"}
        return rest | spell_bytes(row["body"]) if "body" in row else rest


class DeliverySchema(AnswerSchema):
    """One authentic POST and its verdict."""

    id = fields.Integer()
    verdict = word_field(Verdict)
    command = fields.String(allow_none=True)
    sdk_app_id = fields.String()
    received_at = Instant()
    peer = fields.String(metadata=about("Address of the sender, as a trusted proxy names it."))
    query_string = fields.String(metadata=about("As received, except for the value of `Sign`."))
    errors = fields.Dict(
        allow_none=True, metadata=about("Reasons by field; null unless the verdict is `invalid`.")
    )
    duplicate_of = fields.Integer(
        allow_none=True, metadata=about("The delivery this one repeats; null for any other.")
    )
    reverified_at = Instant(
        allow_none=True,
        metadata=about("When it was taken into the log, if it was refused on arrival; else null."),
    )
    imported_at = Instant(
        allow_none=True,
        metadata=about("When it was imported, if it comes from another database; else null."),
    )

    unstored_bytes = fields.Integer(
        allow_none=True,
        metadata=about(
            "Length of the body, if neither it nor the query string is stored; else null."
        ),
    )


class DeliveryDetailSchema(RawBodySchema, DeliverySchema):
    """One delivery with its raw body."""


class EventDeliverySchema(DeliveryDetailSchema):
    """The delivery of an event; without the scope `raw` it has no `peer`, query string and body."""

    optional = (*RawBodySchema.optional, "peer", "query_string")


class QuarantinedRequestSchema(RawBodySchema):
    """One refused request; `body` holds its first 64 KiB, or all of it for a known app."""

    id = fields.Integer()
    reason = word_field(Refusal)
    received_at = Instant()
    peer = fields.String()
    query_string = fields.String(metadata=about("As received, except for the value of `Sign`."))
    body_bytes = fields.Integer(
        allow_none=True,
        metadata=about("Length of the whole body; null if it was too large to read."),
    )


class DifferenceSchema(AnswerSchema):
    """One way in which deliveries of a command differ from what Tencent documents for it."""

    field = fields.String(
        metadata=about("Its wire name; `MemberList[].Role` in the items of a list.")
    )
    seen = fields.String(
        validate=validate.OneOf([*JSON_TYPES.values()]), metadata=about("JSON type of its value.")
    )
    is_new = fields.Boolean(
        metadata=about("Whether the field is undocumented; if not, its type differs.")
    )
    count = fields.Integer()
    first_seen = Instant()
    last_seen = Instant()
    sample_delivery_id = fields.Integer(metadata=about("The newest delivery of this kind."))


class CommandDriftSchema(AnswerSchema):
    """What was found for one command."""

    command = fields.String()
    deliveries = fields.Integer(metadata=about("How many were compared since recording began."))
    differences = fields.List(fields.Nested(DifferenceSchema))


class DriftSchema(AnswerSchema):
    """What was found for all commands that the schemas know and that were sent."""

    items = fields.List(fields.Nested(CommandDriftSchema))


DeliveryPageSchema = page_of(DeliverySchema)
QuarantinedRequestPageSchema = page_of(QuarantinedRequestSchema)
