"""What surrounds the body of a callback: its arrival, and the query string."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import parse_qs


class Arrival(NamedTuple):
    """When and from where a request came, from any sender.

    Attributes:
        received_at: when its head was read, timezone-aware.
        peer: address of the other end of the connection.
        query_string: as received, without the question mark; a byte beyond ASCII is one character.
        clock: reading of ``time.perf_counter`` at that moment.
    """

    received_at: datetime
    peer: str
    query_string: str
    clock: float


class Envelope(NamedTuple):
    """The content of the query string; a repeated parameter counts as absent.

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
        """When it was signed, by the sender's clock, timezone-aware; none if unknown."""
        if self.request_time is None or not re.fullmatch("[0-9]{1,11}", self.request_time):
            return None
        return datetime.fromtimestamp(int(self.request_time), UTC)


# Every query parameter that has a meaning here, with its attribute and a description. Others stay
# in the query string. Source: Tencent Cloud Chat, "Webhook Overview",
# https://trtc.io/document/34354.
PARAMETERS = {
    "SdkAppid": ("sdk_app_id", "SDKAppID of the app, one of `SDK_APPS`."),
    "ClientIP": ("client_ip", "IP address of the user who caused the callback."),
    "OptPlatform": ("platform", "Platform of that user, for example `RESTAPI`, `Web` or `iOS`."),
    "Sign": ("sign", "SHA-256 of the token followed by `RequestTime`, in hexadecimal."),
    "RequestTime": ("request_time", "When Tencent signed the callback, in Unix seconds."),
    "CallbackCommand": ("commands", "What happened; must match the body if both name it."),
}
SIMULATED = "SimulatedBy"  # a parameter that marks callbacks of our own commands


def read_envelope(query_string: str) -> Envelope:
    """Read the query string of a callback; never raise, whatever it holds.

    A parameter that is given twice counts as absent, as it is unknown which value is meant. Only of
    commands all are kept, to be compared with the body.
    """
    given = parse_qs(query_string, keep_blank_values=True)
    commands = given.pop("CallbackCommand", [])
    single = {
        PARAMETERS[name][0]: values[0]
        for name, values in given.items()
        if name in PARAMETERS and len(values) == 1
    }
    return Envelope(commands=commands, **single)
