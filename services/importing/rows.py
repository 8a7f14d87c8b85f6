"""Read a row of another database, or a line of its export, as a record of the journal."""

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from hashlib import sha256
from typing import Any
from uuid import UUID

from models.clock import EPOCH
from models.text import MAX_ID_LENGTH, dump_json
from schemas.tencent.body import Reading, read_callback
from schemas.tencent.envelope import read_envelope
from services.journal.records import MILLISECOND, Kind, Record
from services.receiving.content import leave_out_content

MAX_APP_LENGTH = 32

Row = Mapping[str, Any]


class BadRowError(ValueError):
    """A row is not a callback; the message says why."""


@dataclass(frozen=True)
class RowReader:
    """Turns rows into the records that the receiver would have made.

    Attributes:
        now: timezone-aware.
        zone: of times that name none; without it, such times are refused.
        unhandled_bodies: whether the content of an unhandled callback is kept.
    """

    now: datetime
    zone: tzinfo | None
    unhandled_bodies: bool

    def read_line(self, line: bytes) -> Record:
        """Make a record of a line written by ``export --deliveries``.

        Raises:
            BadRowError: it is not such a line.
        """
        try:
            row = json.loads(line)
        except ValueError as fault:
            raise BadRowError(f"not JSON: {fault}") from None
        if not isinstance(row, dict):
            raise BadRowError("not a JSON object")
        return self.read_row(row)

    def read_row(self, row: Row) -> Record:
        """Make a record of a row.

        Args:
            row: ``received_at``, ``body`` or ``body_base64``, and ``sdk_app_id`` or a
                ``query_string`` that names it. It may have the other columns of a delivery.

        Raises:
            BadRowError: something is missing or wrong.
        """
        received_at, body = read_instant(row, "received_at", self.zone), read_body(row)
        if received_at is None or received_at < EPOCH:
            raise BadRowError("received_at: missing, or before 1970")
        query_string = read_text(row, "query_string")
        envelope = read_envelope(query_string)
        app = read_text(row, "sdk_app_id") or envelope.sdk_app_id or ""
        if not 0 < len(app) <= MAX_APP_LENGTH:
            raise BadRowError("sdk_app_id: missing or too long, and query_string names none")
        reading, unstored_bytes = read_callback(envelope, body), row.get("unstored_bytes")
        if isinstance(unstored_bytes, int):  # only the command of it was kept
            reading = Reading(read_text(row, "command")[:MAX_ID_LENGTH])
        head = {
            "sdk_app_id": app,
            "peer": read_text(row, "peer"),
            "query_string": query_string,
            "reading": reading,
            "reverified_at": read_instant(row, "reverified_at", self.zone),
            "imported_at": read_instant(row, "imported_at", self.zone) or self.now,
            "unstored_bytes": unstored_bytes,
        }
        uuid = read_uuid(row) or make_uuid(received_at, app, query_string, body)
        record = Record(Kind.CALLBACK, uuid, received_at, head, body)
        is_whole = self.unhandled_bodies or unstored_bytes is not None
        return record if is_whole else leave_out_content(record, reading)


def read_text(row: Row, name: str) -> str:
    """Read a text; a missing one is empty."""
    value = row.get(name)
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return "" if value is None else str(value)


def read_instant(row: Row, name: str, zone: tzinfo | None) -> datetime | None:
    """Read a time; a missing one is none."""
    value = row.get(name)
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        instant = value
    if instant is None:
        return None
    if not isinstance(instant, datetime):
        raise BadRowError(
            f"{name}: {str(value)[:40]!r} is not a time, such as 2026-01-31T08:00:00Z"
        )
    if instant.tzinfo is None and zone is None:
        raise BadRowError(f"{name}: {value} has no zone")
    return instant if instant.tzinfo else instant.replace(tzinfo=zone)


def read_body(row: Row) -> bytes:
    """Read the bytes of a body; one that was stored as data, not text, is written as JSON again."""
    body = row.get("body")
    try:
        if body is None:
            return b64decode(row["body_base64"], validate=True)
        if isinstance(body, str):
            return body.encode()
        return bytes(body) if isinstance(body, bytes | memoryview) else dump_json(body).encode()
    except (KeyError, TypeError):
        raise BadRowError("body: missing, and so is body_base64") from None
    except ValueError as fault:
        raise BadRowError(f"body: {fault}") from None


def read_uuid(row: Row) -> UUID | None:
    """Read the UUID; a missing one is none."""
    value = row.get("uuid")
    try:
        return value if value is None or isinstance(value, UUID) else UUID(str(value))
    except ValueError:
        raise BadRowError(f"uuid: {str(value)[:40]!r} is not a UUID") from None


def make_uuid(received_at: datetime, *content: str | bytes) -> UUID:
    """Make a version 8 UUID (RFC 9562) that the same callback gets each time.

    It begins with the time, like those of the receiver.
    """
    digest = sha256(repr((received_at.timestamp(), *content)).encode()).digest()
    rest = int.from_bytes(digest[:10])
    high = (received_at - EPOCH) // MILLISECOND << 16 | 8 << 12 | rest >> 68
    return UUID(int=high << 64 | 2 << 62 | rest & (1 << 62) - 1)
