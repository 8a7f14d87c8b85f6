"""Bodies of real traffic from 2016 to 2026, with changed identifiers, and how they were sent.

``captures.jsonl``: each with its verdict and its event.
"""

import json
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode


class Capture(NamedTuple):
    """One authentic body.

    Attributes:
        event: type and ID of the subject, action, operator and members; none without an event.
        query: added to the documented parameters; none if it came without any.
    """

    label: str
    body: bytes
    verdict: str
    event: tuple | None
    query: dict | None
    is_sorted: bool
    without: set

    def to_query_string(self, sdk_app_id, signature):
        """The query string, signed for an app."""
        if self.query is None:
            return ""
        command = re.search(rb'"CallbackCommand": *"([^"]+)"', self.body)
        query = {
            "SdkAppid": sdk_app_id,
            "CallbackCommand": command[1].decode() if command else QUERY_ONLY,
            "contenttype": "json",
            "ClientIP": "127.0.0.1",
            "OptPlatform": "RESTAPI",
            **self.query,
            **signature,
        }
        pairs = [(name, value) for name, value in query.items() if name not in self.without]
        return urlencode(sorted(pairs) if self.is_sorted else pairs, safe="$")


QUERY_ONLY = "Group.CallbackAfterGroupDestroyed"  # for the body that does not name its command


def load():
    text = (Path(__file__).parent / "captures.jsonl").read_text(encoding="utf-8")
    for line in text.splitlines():
        one = json.loads(line)
        event = one["event"] and (*one["event"][:4], tuple(one["event"][4]))
        yield Capture(
            one["label"],
            one["raw"].encode(),
            one["verdict"],
            event,
            one.get("query_extra"),
            one.get("query_order") == "alpha",
            set(one.get("query_without", ())),
        )


CAPTURES = [*load()]
AUTHENTIC = [one for one in CAPTURES if one.query is not None]
STATUSES = {"accepted": 200, "unhandled": 200, "invalid": 400, "quarantine app_missing": 403}
