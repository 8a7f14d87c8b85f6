"""What surrounds the body of a callback: how it arrived, and the query string."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from marshmallow import EXCLUDE, Schema, fields, post_load, pre_load


@dataclass(frozen=True)
class Arrival:
    """When and from where a request came, whoever sent it.

    Attributes:
        received_at: when its head had been read, timezone-aware.
        peer: address of the other end of the connection.
        query_string: as received, without the question mark; a byte beyond ASCII is one character.
    """

    received_at: datetime
    peer: str
    query_string: str


@dataclass(frozen=True)
class Envelope:
    """What the query string says; a parameter that is repeated counts as absent.

    Attributes:
        commands: every ``CallbackCommand``, for ``read_callback`` to compare with the body.
    """

    sdk_app_id: str | None = None
    commands: Sequence[str] = ()
    client_ip: str | None = None
    platform: str | None = None
    sign: str | None = None
    request_time: str | None = None


class EnvelopeSchema(Schema):
    """Tencent's query parameters; all are optional to this schema, as checks follow in order.

    Source: Tencent Cloud Chat, "Webhook Overview", https://trtc.io/document/34354.
    """

    class Meta:
        """Tencent may add parameters; the query string is kept as it came."""

        unknown = EXCLUDE

    sdk_app_id = fields.String(
        data_key="SdkAppid",
        metadata={"description": "SDKAppID; exactly one, and one of `SDK_APPS`."},
    )
    commands = fields.List(
        fields.String(),
        data_key="CallbackCommand",
        metadata={"description": "What happened; must agree with the body where both say it."},
    )
    client_ip = fields.String(
        data_key="ClientIP",
        metadata={"description": "Address of the client whose action caused the callback."},
    )
    platform = fields.String(
        data_key="OptPlatform",
        metadata={"description": "Platform of that client, such as RESTAPI, Web or iOS."},
    )
    sign = fields.String(
        data_key="Sign",
        metadata={"description": "Hexadecimal SHA-256 of callback token and `RequestTime`."},
    )
    request_time = fields.String(
        data_key="RequestTime",
        metadata={"description": "Unix time in seconds at which the callback was signed."},
    )

    @pre_load
    def take_single(self, args: Mapping[str, Sequence[str]], **_: Any) -> dict[str, Any]:
        """Take a parameter only if it is given once: of two, nobody knows which is meant."""
        single = {name: values[0] for name, values in args.items() if len(values) == 1}
        return single | {"CallbackCommand": args.get("CallbackCommand", [])}

    @post_load
    def to_envelope(self, data: dict[str, Any], **_: Any) -> Envelope:
        """Make the envelope."""
        return Envelope(**data)


ENVELOPE = EnvelopeSchema()


def read_envelope(query_string: str) -> Envelope:
    """Read the query string of a callback; whatever it holds, this does not raise."""
    envelope: Envelope = ENVELOPE.load(parse_qs(query_string, keep_blank_values=True))
    return envelope
