"""One callback, read: what it says, and what it has in common with a repeat."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from models.vocabulary import Verdict
from schemas.tencent.body import Reading, read_callback
from schemas.tencent.envelope import Arrival, Envelope, read_envelope


@dataclass(frozen=True, eq=False)
class Callback:
    """One authentic POST: how it arrived, its exact bytes, and what could be read from them.

    Attributes:
        uuid: tells it from all others, however often it is recorded.
        event_key: what it has in common with a repeat; none if it states no fact.
    """

    uuid: UUID
    arrival: Arrival
    sdk_app_id: str
    body: bytes
    envelope: Envelope
    reading: Reading
    event_key: str | None

    @property
    def received_at(self) -> datetime:
        """When it arrived, timezone-aware."""
        return self.arrival.received_at

    @property
    def is_timed(self) -> bool:
        """Whether Tencent says when it happened."""
        return self.reading.fact is not None and self.reading.fact.event_time is not None

    @property
    def subject(self) -> tuple[str, str, str]:
        """App, type and ID of its subject; the last two are empty if it states no fact."""
        fact = self.reading.fact
        of_app = (fact.subject_type, fact.subject_id) if fact else ("", "")
        return (self.sdk_app_id, *of_app)

    @property
    def verdict(self) -> Verdict:
        """What becomes of it if it repeats nothing."""
        if self.reading.errors:
            return Verdict.INVALID
        return Verdict.UNHANDLED if self.event_key is None else Verdict.ACCEPTED


def read(uuid: UUID, arrival: Arrival, sdk_app_id: str, body: bytes) -> Callback:
    """Read a callback; whatever its bytes are, this does not raise.

    Args:
        uuid: given on arrival.
        arrival: how it arrived.
        sdk_app_id: the app it was authenticated for.
        body: as received.
    """
    envelope = read_envelope(arrival.query_string)
    reading = read_callback(envelope.commands, body)
    key = None
    if reading.fact is not None and reading.command is not None:
        key = event_key(sdk_app_id, reading.command, reading.body, reading.fact.event_time)
    return Callback(uuid, arrival, sdk_app_id, body, envelope, reading, key)


def event_key(
    sdk_app_id: str, command: str, body: Mapping[str, Any], event_time: int | None
) -> str:
    """Digest what stays the same when Tencent delivers one event again.

    That is app, command and body; the signature and its time belong to the request. The order of
    keys makes no difference, nor whether ``EventTime`` is ``123`` or ``"123"``.

    Returns:
        64 hexadecimal characters; the first 14 are ``EventTime``, so that new keys share a page of
        the index that holds all of them.
    """
    if event_time is not None:
        body = {**body, "EventTime": event_time}
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    digest = sha256(f"{sdk_app_id}\n{command}\n{canonical}".encode()).hexdigest()
    return f"{event_time or 0:014x}{digest[:50]}"
