"""One callback between its arrival and its rows."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from schemas.body import Reading, read_callback
from schemas.envelope import Arrival, Envelope, read_envelope
from schemas.fields import EPOCH

MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, eq=False)
class Callback:
    """One authentic POST: how it arrived, its exact bytes, and what could be read from them.

    Attributes:
        uuid: tells it from all others, however often somebody tries to store it.
        event_key: what it has in common with a repeat; none if it states no fact.
        in_doubt: it may be stored already, by a commit whose outcome nobody heard.
    """

    uuid: UUID
    arrival: Arrival
    sdk_app_id: str
    body: bytes
    envelope: Envelope
    reading: Reading
    event_key: str | None
    in_doubt: bool


def to_callback(
    arrival: Arrival,
    sdk_app_id: str,
    body: bytes,
    *,
    envelope: Envelope | None = None,
    uuid: UUID | None = None,
) -> Callback:
    """Read a callback; whatever its bytes are, this does not raise.

    Args:
        arrival: how it arrived.
        sdk_app_id: the app it was authenticated for.
        body: as received.
        envelope: what its query string says, if that has been read already.
        uuid: that of a callback which has waited in the spool; one that has just arrived gets a
            new one.
    """
    envelope = envelope or read_envelope(arrival.query_string)
    reading = read_callback(envelope.commands, body)
    key = None
    if reading.fact is not None and reading.command is not None:
        key = event_key(sdk_app_id, reading.command, reading.body, reading.fact.event_time)
    return Callback(
        uuid=uuid or new_uuid(arrival.received_at),
        arrival=arrival,
        sdk_app_id=sdk_app_id,
        body=body,
        envelope=envelope,
        reading=reading,
        event_key=key,
        in_doubt=uuid is not None,
    )


def new_uuid(at: datetime) -> UUID:
    """Make a version 7 UUID (RFC 9562): they sort by time, so new ones share a page of an index."""
    milliseconds = (at - EPOCH) // MILLISECOND
    # Chance is the system's: two processes, or a seed that somebody sets, must not give one twice.
    high = milliseconds << 16 | 7 << 12 | secrets.randbits(12)
    return UUID(int=high << 64 | 2 << 62 | secrets.randbits(62))


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
