"""One callback, read: its content, its event key, and the rows it becomes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from models.clock import EPOCH
from models.vocabulary import Verdict
from schemas.tencent.body import Reading, read_callback
from schemas.tencent.envelope import read_envelope
from schemas.tencent.lifecycle import LifecycleFact
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from schemas.tencent.strict_json import UnreadableError, parse_json
from services.journal.records import Record

Row = dict[str, Any]

CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
FIRST_MILLISECONDS = 10**11  # a smaller ``EventTime`` is in seconds


@dataclass(eq=False, slots=True)
class Callback:
    """One authentic POST, read.

    Attributes:
        record: its arrival and its exact bytes.
        content: the JSON object of a lifecycle command; empty where there is none.
        event_key: shared with its repeats; none if it states no fact.
        occurred_at: when it happened; without ``EventTime``, when it was received.
        delivery_id: the number of its row, once it has one.
        duplicate_of: the delivery whose event it repeats.
    """

    record: Record
    reading: Reading
    content: Mapping[str, Any]
    event_key: UUID | None
    occurred_at: datetime
    delivery_id: int = 0
    duplicate_of: int | None = None

    @property
    def is_timed(self) -> bool:
        """Whether Tencent tells when it happened."""
        return self.reading.fact is not None and self.reading.fact.event_time is not None

    @property
    def subject(self) -> tuple[str, str, str]:
        """The app, type and ID of its subject; the last two are empty if it states no fact."""
        fact = self.reading.fact
        of_app = (fact.subject_type, fact.subject_id) if fact else ("", "")
        return (self.record.head["sdk_app_id"], *of_app)

    @property
    def verdict(self) -> Verdict:
        """Verdict of the delivery."""
        if self.reading.errors:
            return Verdict.INVALID
        if self.event_key is None:
            return Verdict.UNHANDLED
        return Verdict.ACCEPTED if self.duplicate_of is None else Verdict.DUPLICATE

    def to_delivery(self, commands: Mapping[str | None, int]) -> Row:
        """Make the row of the delivery, where commands are stored as numbers."""
        head = self.record.head
        return {
            "id": self.delivery_id,
            "uuid": self.record.uuid,
            "received_at": self.record.received_at,
            "sdk_app_id": head["sdk_app_id"],
            "command_id": commands.get(self.reading.command),
            "verdict": self.verdict,
            "errors": self.reading.errors,
            "duplicate_of": self.duplicate_of,
            "reverified_at": head.get("reverified_at"),
            "imported_at": head.get("imported_at"),
            "peer": head["peer"],
            "query_string": head["query_string"],
            "body": self.record.body,
            "unstored_bytes": head.get("unstored_bytes"),
        }

    def to_event(self, event_id: int, fact: LifecycleFact) -> Row:
        """Make the row of the event."""
        return {
            "id": event_id,
            "delivery_id": self.delivery_id,
            "event_key": self.event_key,
            "subject_type": fact.subject_type,
            "subject_id": fact.subject_id,
            "action": fact.action,
            "sdk_app_id": self.record.head["sdk_app_id"],
            "operator": fact.operator,
            "owner": fact.owner,
            "name": fact.name,
            "occurred_at": self.occurred_at,
            "received_at": self.record.received_at,
            "event_time": fact.event_time,
            "client_ip": self.reading.client_ip,
            "platform": self.reading.platform,
            "details": fact.details,
        }


def to_callback(record: Record) -> Callback:
    """Make a callback from what the receiver has read, or by reading the bytes again."""
    head = record.head
    try:
        reading = Reading.of(head["reading"])
    except (LookupError, TypeError, ValueError):  # the reading is missing, or of another release
        reading = read_callback(read_envelope(head["query_string"]), record.body)
    command, fact = reading.command, reading.fact
    content = read_content(command, record.body)
    if fact is None or command is None:
        return Callback(record, reading, content, None, record.received_at)
    return Callback(
        record,
        reading,
        content,
        event_key=make_event_key(head["sdk_app_id"], command, content, fact.event_time),
        occurred_at=record.received_at if fact.event_time is None else read_time(fact.event_time),
    )


def read_time(event_time: int) -> datetime:
    """Read an ``EventTime``, which is in seconds or milliseconds."""
    unit = 1000 if event_time < FIRST_MILLISECONDS else 1
    return EPOCH + timedelta(milliseconds=event_time * unit)


def read_content(command: str | None, body: bytes) -> Mapping[str, Any]:
    """Return the JSON object of a lifecycle command; an empty one if there is none."""
    if command not in LIFECYCLE_SCHEMAS:
        return {}
    try:
        content = parse_json(body)
    except UnreadableError:
        return {}
    return content if isinstance(content, dict) else {}


def make_event_key(
    sdk_app_id: str, command: str, content: Mapping[str, Any], event_time: int | None
) -> UUID:
    """Return a digest of what stays the same when Tencent delivers an event again.

    That is app, command and body; the signature and its time belong to the request. Neither the
    order of keys matters, nor whether ``EventTime`` is ``123`` or ``"123"``.
    """
    if event_time is not None:
        content = {**content, "EventTime": event_time}
    canonical = CANONICAL.encode(content)
    digest = sha256(f"{sdk_app_id}\n{command}\n{canonical}".encode()).digest()
    return UUID(bytes=digest[:16])
