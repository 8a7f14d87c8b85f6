"""Send callbacks as Tencent does: signed, one after another, over a connection kept open."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from select import select
from typing import Any
from urllib.parse import urlencode, urlsplit

from models.clock import utc_now
from schemas.tencent.envelope import SIMULATED
from schemas.tencent.samples import Body
from services.receiving.authentication import sign

TIMEOUT_SECONDS = 2.0  # of Tencent: "Webhook Overview", https://trtc.io/document/34354
SHOWN = 200  # characters of an answer

CONNECTIONS = {"http": HTTPConnection, "https": HTTPSConnection}


@dataclass(frozen=True)
class Answer:
    """The answer to one callback.

    Attributes:
        status: the HTTP status; 0 if there was no answer.
        text: the body, or why there was no answer.
        seconds: from the first byte sent to the last one received.
    """

    status: int
    text: str
    seconds: float

    @property
    def is_ok(self) -> bool:
        """Whether Tencent would count the callback as delivered."""
        try:
            answer: Any = json.loads(self.text)
            outcome = (self.status, answer["ActionStatus"], answer["ErrorCode"])
        except (ValueError, LookupError, TypeError):
            return False
        return outcome == (200, "OK", 0) and self.seconds <= TIMEOUT_SECONDS

    def __str__(self) -> str:
        """Show the answer in one line, without control characters."""
        return f"{self.status or 'no answer:'} {' '.join(self.text.split())[:SHOWN]!a}"


def to_bytes(body: Body) -> bytes:
    """Write a body as it is sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def write_query(body: Body, sdk_app_id: str, token: str, at: datetime, **more: str) -> str:
    """Write the query string that Tencent adds to the URL, signed unless the token is empty.

    It belongs to a callback that the server's API caused, unless ``more`` parameters say otherwise.
    """
    envelope = {
        "SdkAppid": sdk_app_id,
        "CallbackCommand": body["CallbackCommand"],
        "contenttype": "json",
        "ClientIP": "127.0.0.1",
        "OptPlatform": "RESTAPI",
        **more,
    }
    if token:
        request_time = str(int(at.timestamp()))
        envelope |= {"Sign": sign(token, request_time), "RequestTime": request_time}
    return urlencode(envelope)


class Sender:
    """Sends the callbacks of one app to one URL.

    Args:
        url: the webhook URL, as Tencent's console has it.
        apps: SDKAppID → tokens; the last token signs, as the newest. Without a token, nothing is
            signed.
        sdk_app_id: the app; by default the first one that has a token, or else the first.

    Raises:
        ValueError: the URL is not a webhook URL, or the app is unknown.
    """

    def __init__(
        self, url: str, apps: Mapping[str, Sequence[str]], sdk_app_id: str | None = None
    ) -> None:
        target = urlsplit(url)
        known = target.scheme in CONNECTIONS and target.hostname and not target.query
        if not known or not re.fullmatch("[!-~]+", url):
            raise ValueError(f"{url!r} is not a webhook URL; use https://YOUR.PUBLIC.HOST/callback")
        if sdk_app_id is not None and sdk_app_id not in apps:
            raise ValueError(f"SDK_APPS has no app {sdk_app_id}")
        self.sdk_app_id = sdk_app_id or next((app for app in apps if apps[app]), next(iter(apps)))
        self.token = next(reversed(apps[self.sdk_app_id]), "")
        self.path = target.path or "/"
        connect = CONNECTIONS[target.scheme]
        self.connection = connect(target.hostname or "", target.port, timeout=TIMEOUT_SECONDS)

    def send(self, body: Body) -> Answer:
        """Send one callback, once; never raise for a fault of the network."""
        self.drop_closed_connection()
        began = time.monotonic()
        mark = {SIMULATED: "chat-lifecycle-log"}
        query_string = write_query(body, self.sdk_app_id, self.token, utc_now(), **mark)
        try:
            self.connection.request("POST", f"{self.path}?{query_string}", to_bytes(body))
            with self.connection.getresponse() as response:
                status, text = response.status, response.read().decode(errors="replace")
        except (OSError, HTTPException, UnicodeError) as error:  # the last: no name of a host
            self.connection.close()
            status, text = 0, f"{type(error).__name__}: {error}"
        return Answer(status, text, time.monotonic() - began)

    def drop_closed_connection(self) -> None:
        """Reconnect if the other end has closed: before a request, nothing else can be readable."""
        if self.connection.sock is not None and select([self.connection.sock], [], [], 0)[0]:
            self.connection.close()

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()
