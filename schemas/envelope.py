"""What surrounds the body of a callback: how it arrived, and the query string."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, post_load, pre_load


@dataclass(frozen=True)
class Arrival:
    """When and from where a request came, whoever sent it.

    Attributes:
        received_at: when its head had been read, timezone-aware.
        peer: address of the other end of the connection.
        query_string: as received, without the question mark.
    """

    received_at: datetime
    peer: str
    query_string: str


@dataclass(frozen=True)
class Envelope:
    """What the query string says about its sender; none where absent or repeated."""

    sdk_app_id: str | None
    sign: str | None
    request_time: str | None
    client_ip: str | None
    platform: str | None


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
    command = fields.String(
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
    def take_single(self, args: Mapping[str, Sequence[str]], **_: Any) -> dict[str, str]:
        """Take a parameter only if it is given once: of two, nobody knows which is meant."""
        return {name: values[0] for name, values in args.items() if len(values) == 1}

    @post_load
    def to_envelope(self, data: dict[str, Any], **_: Any) -> Envelope:
        """Leave the command out: ``read_callback`` compares every one of them with the body."""
        return Envelope(
            sdk_app_id=data.get("sdk_app_id"),
            sign=data.get("sign"),
            request_time=data.get("request_time"),
            client_ip=data.get("client_ip"),
            platform=data.get("platform"),
        )
