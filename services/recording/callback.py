"""One callback, read: what it says, what it has in common with a repeat, the rows it becomes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from models.clock import EPOCH
from models.text import start_of
from models.vocabulary import Verdict
from schemas.tencent.body import Reading, read_callback
from schemas.tencent.envelope import read_envelope
from schemas.tencent.lifecycle import LifecycleFact
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from schemas.tencent.strict_json import UnreadableError, parse_json

Row = dict[str, Any]

CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
FIRST_MILLISECONDS = 10**11  # a smaller ``EventTime`` is in seconds


@dataclass(eq=False, slots=True)
class Callback:
    """One authentic POST: how it arrived, its exact bytes, and what could be read from them.

    Attributes:
        uuid: tells it from all others, however often it is recorded.
        received_at: when it arrived, timezone-aware.
        content: the JSON object of a lifecycle command; empty where there is none.
        event_key: what it has in common with a repeat; none if it states no fact.
        reverified_at: when a request became it that was refused on arrival.
        delivery_id: the number of its row, once it has one.
        occurrence: the number of its event among those with its key.
        duplicate_of: the delivery whose event it repeats.
    """

    uuid: UUID
    received_at: datetime
    sdk_app_id: str
    peer: str
    query_string: str
    body: bytes
    reading: Reading
    content: Mapping[str, Any]
    event_key: str | None
    reverified_at: datetime | None = None
    delivery_id: int = 0
    occurrence: int = 0
    duplicate_of: int | None = None

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
        """What became of it."""
        if self.reading.errors:
            return Verdict.INVALID
        if self.event_key is None:
            return Verdict.UNHANDLED
        return Verdict.ACCEPTED if self.duplicate_of is None else Verdict.DUPLICATE

    def to_delivery(self) -> Row:
        """Make the row of what was sent."""
        return {
            "id": self.delivery_id,
            "uuid": self.uuid,
            "received_at": self.received_at,
            "sdk_app_id": self.sdk_app_id,
            "command": self.reading.command,
            "verdict": self.verdict,
            "errors": self.reading.errors,
            "duplicate_of": self.duplicate_of,
            "reverified_at": self.reverified_at,
            "peer": self.peer,
            "query_string": self.query_string,
            "body": self.body,
        }

    def to_event(self, event_id: int, fact: LifecycleFact) -> Row:
        """Make the row of what it means."""
        return {
            "id": event_id,
            "delivery_id": self.delivery_id,
            "event_key": self.event_key,
            "occurrence": self.occurrence,
            "subject_type": fact.subject_type,
            "subject_id": fact.subject_id,
            "action": fact.action,
            "command": self.reading.command,
            "sdk_app_id": self.sdk_app_id,
            "operator": fact.operator,
            "owner": fact.owner,
            "name": fact.name,
            "name_start": None if fact.name is None else start_of(fact.name),
            "occurred_at": self.to_occurred_at(fact),
            "received_at": self.received_at,
            "event_time": fact.event_time,
            "client_ip": self.reading.client_ip,
            "platform": self.reading.platform,
            "details": fact.details,
        }

    def to_occurred_at(self, fact: LifecycleFact) -> datetime:
        """Tell when it happened; without ``EventTime`` that is when it was received."""
        if fact.event_time is None:
            return self.received_at
        unit = "seconds" if fact.event_time < FIRST_MILLISECONDS else "milliseconds"
        return EPOCH + timedelta(**{unit: fact.event_time})


def read(
    uuid: UUID,
    received_at: datetime,
    head: Mapping[Any, Any],
    body: bytes,
    *,
    reading: Reading | None = None,
) -> Callback:
    """Make a callback of what arrived.

    Args:
        uuid: given on arrival.
        received_at: timezone-aware.
        head: ``sdk_app_id``, ``peer`` and ``query_string``; ``reverified_at`` where there is one.
        body: as received.
        reading: what the receiver has read; without it, the callback is read again.
    """
    app, query_string = head["sdk_app_id"], head["query_string"]
    reading = reading or read_callback(read_envelope(query_string), body)
    content = read_content(reading.command, body)
    key = None
    if reading.fact is not None and reading.command is not None:
        key = make_event_key(app, reading.command, content, reading.fact.event_time)
    return Callback(
        uuid=uuid,
        received_at=received_at,
        sdk_app_id=app,
        peer=head["peer"],
        query_string=query_string,
        body=body,
        reading=reading,
        content=content,
        event_key=key,
        reverified_at=head.get("reverified_at"),
    )


def read_content(command: str | None, body: bytes) -> Mapping[str, Any]:
    """Give the JSON object that a lifecycle command came with; an empty one if there is none."""
    if command not in LIFECYCLE_SCHEMAS:
        return {}
    try:
        content = parse_json(body)
    except UnreadableError:
        return {}
    return content if isinstance(content, dict) else {}


def make_event_key(
    sdk_app_id: str, command: str, content: Mapping[str, Any], event_time: int | None
) -> str:
    """Digest what stays the same when Tencent delivers one event again.

    That is app, command and body; the signature and its time belong to the request. The order of
    keys makes no difference, nor whether ``EventTime`` is ``123`` or ``"123"``.

    Returns:
        64 hexadecimal characters; the first 14 are ``EventTime``, so that new keys share a page of
        the index that holds all of them.
    """
    if event_time is not None:
        content = {**content, "EventTime": event_time}
    canonical = CANONICAL.encode(content)
    digest = sha256(f"{sdk_app_id}\n{command}\n{canonical}".encode()).hexdigest()
    return f"{event_time or 0:014x}{digest[:50]}"
