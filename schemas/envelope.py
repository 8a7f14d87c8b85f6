"""What surrounds the body of a callback: how it arrived, and the query string."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs

from marshmallow import Schema, fields


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

    @property
    def signed_at(self) -> datetime | None:
        """When it was signed by the sender's clock, timezone-aware; none if nothing says so."""
        if self.request_time is None or not re.fullmatch("[0-9]{1,11}", self.request_time):
            return None
        return datetime.fromtimestamp(int(self.request_time), UTC)


class EnvelopeSchema(Schema):
    """Tencent's query parameters: their names, and what the API's description says of them.

    All are text and optional here, as checks follow in order; others are kept as they came.

    Source: Tencent Cloud Chat, "Webhook Overview", https://trtc.io/document/34354.
    """

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


WIRE_NAMES = {name: str(field.data_key) for name, field in EnvelopeSchema().fields.items()}


def read_envelope(query_string: str) -> Envelope:
    """Read the query string of a callback; whatever it holds, this does not raise.

    Of a parameter that is given twice, nobody knows which is meant: it counts as absent. Only the
    commands are all kept, to be compared.
    """
    args = parse_qs(query_string, keep_blank_values=True)
    given = {name: args.get(wire_name, ()) for name, wire_name in WIRE_NAMES.items()}
    commands = given.pop("commands")
    single = {name: values[0] for name, values in given.items() if len(values) == 1}
    return Envelope(commands=commands, **single)
