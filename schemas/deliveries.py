"""The queries and answers of ``/deliveries`` and ``/quarantine``."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, pre_dump

from models.vocabulary import Refusal, Verdict
from schemas.fields import Instant, word_field
from schemas.page import PageQuerySchema, page_of


class DeliveryQuerySchema(PageQuerySchema):
    """Filters of ``/deliveries``; a delivery has to pass all that are given."""

    address = "/deliveries"

    verdict = fields.Enum(Verdict, by_value=True, metadata={"description": "What became of it."})
    command = fields.String(metadata={"description": "Tencent's `CallbackCommand`."})
    sdk_app_id = fields.String(metadata={"description": "SDKAppID of the app."})


class QuarantineQuerySchema(PageQuerySchema):
    """``/quarantine`` is filtered by time only."""

    address = "/quarantine"


class RawBodySchema(Schema):
    """A body as it came: as text where it is UTF-8, else in base64."""

    body = fields.String(metadata={"description": "The body, if it is UTF-8."})
    body_base64 = fields.String(metadata={"description": "The body in base64, if it is not."})

    @pre_dump
    def spell_body(self, row: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        """Choose how to show the bytes."""
        rest = {name: value for name, value in row.items() if name != "body"}
        try:
            return {**rest, "body": row["body"].decode()}
        except UnicodeDecodeError:
            return {**rest, "body_base64": b64encode(row["body"]).decode()}


class DeliverySchema(Schema):
    """One authentic POST and what became of it."""

    id = fields.Integer(required=True)
    verdict = word_field(Verdict)
    command = fields.String(required=True, allow_none=True)
    sdk_app_id = fields.String(required=True)
    received_at = Instant(required=True)
    peer = fields.String(
        required=True, metadata={"description": "Address of the other end of the connection."}
    )
    query_string = fields.String(required=True)
    errors = fields.Dict(
        required=True,
        allow_none=True,
        metadata={"description": "Reasons by field; null unless the verdict is `invalid`."},
    )
    duplicate_of = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "The delivery this one repeats; null for any other."},
    )


class DeliveryDetailSchema(RawBodySchema, DeliverySchema):
    """One delivery with its raw body."""


class QuarantinedRequestSchema(RawBodySchema):
    """One refused request; `body` holds its first 64 KiB."""

    id = fields.Integer(required=True)
    reason = word_field(Refusal)
    received_at = Instant(required=True)
    peer = fields.String(required=True)
    query_string = fields.String(required=True)
    body_bytes = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Length of the whole body; null if it was too large to read."},
    )


DeliveryPageSchema = page_of(DeliverySchema)
QuarantinedRequestPageSchema = page_of(QuarantinedRequestSchema)
