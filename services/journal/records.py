"""The format of the journal: one record after another.

A record is four magic bytes, the length and the CRC-32 of what follows, then a line of JSON and the
body. No body contains the magic bytes, so nothing that a stranger sends can pass for a record.
"""

import json
import os
import socket
import struct
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Any
from uuid import UUID

from models.clock import EPOCH

MAGIC = b"CLL2"
HEADER = struct.Struct(">4sII")
MILLISECOND = timedelta(milliseconds=1)


@unique
class Kind(StrEnum):
    """What a record holds; its ``head`` has these members.

    ``callback``: an authentic POST: ``sdk_app_id``, ``peer``, ``query_string``, and ``reading``, a
    ``schemas.tencent.body.Reading``, so that it need not be read twice; ``unstored_bytes``, the
    length of a body that is left out.
    ``refusal``: a refused request: ``reason``, ``sdk_app_id`` (none for a stranger's), ``peer``,
    ``query_string``, ``body_bytes``.
    ``tally``: what the receiver counted since the last one: ``counts``, lists of minute, measure,
    app, name and value, as ``models.counts.MinuteCount`` has them; ``losses``, none if nothing was
    lost, else ``count``, ``first_at``, ``last_at`` and ``doubtful``: lists of UUID, time of arrival
    and app of those callbacks that a disk may have after all.
    ``started``, ``stopped``: the receiver has. ``recorder_started``, ``recorder_stopped``: the
    recorder, which stores these itself. All of them and a tally name the ``process``.
    ``reading``: from the reader, in a separate journal: the fields of
    ``models.ledger.ActOfReading``.
    """

    CALLBACK = "callback"
    REFUSAL = "refusal"
    TALLY = "tally"
    STARTED = "started"
    STOPPED = "stopped"
    RECORDER_STARTED = "recorder_started"
    RECORDER_STOPPED = "recorder_stopped"
    READING = "reading"


@dataclass(frozen=True)
class Record:
    """One entry of the journal.

    Attributes:
        uuid: identifies the record and all copies of it.
        received_at: when its request arrived, or when the record was made; timezone-aware.
        head: the members of its kind, as JSON.
        body: of a request, as received.
    """

    kind: Kind
    uuid: UUID
    received_at: datetime
    head: Mapping[str, Any] = field(default_factory=dict)
    body: bytes = b""


def new_uuid(at: datetime) -> UUID:
    """Make a version 7 UUID (RFC 9562): they sort by time, so new ones share a page of an index."""
    milliseconds = (at - EPOCH) // MILLISECOND
    # From the system: neither two processes nor a fixed seed may produce the same one twice.
    chance = int.from_bytes(os.urandom(10))
    high = milliseconds << 16 | 7 << 12 | chance >> 68
    return UUID(int=high << 64 | 2 << 62 | chance & (1 << 62) - 1)


def make_own_record(kind: Kind, at: datetime, **head: object) -> Record:
    """Make a record about this process itself."""
    process = f"{socket.gethostname()}:{os.getpid()}"
    return Record(kind, new_uuid(at), at, {"process": process, **head})


def write_record(record: Record) -> bytes:
    """Write one record."""
    line = {
        "kind": record.kind,
        "uuid": record.uuid.hex,
        "received_at": record.received_at.isoformat(),
        **record.head,
    }
    body = record.body
    if MAGIC in body:  # it could pass for a record where the bytes around it are damaged
        line["is_base64"], body = True, b64encode(body)
    payload = json.dumps(line).encode() + b"\n" + body
    return HEADER.pack(MAGIC, len(payload), zlib.crc32(payload)) + payload


def read_records(data: bytes, *, complete: bool) -> Iterator[tuple[Record | None, int]]:
    """Read the records of a part of a segment.

    Args:
        data: from the beginning of a record on.
        complete: whether nothing more will be appended. If so, records after damage are searched
            for; otherwise the part ends before the first incomplete record.

    Yields:
        Each record with the position of its end in ``data``; none in place of damaged bytes.
    """
    start = 0
    while start < len(data):
        found = read_record(data, start)
        if found is not None:
            start = found[1]
            yield found
        elif not complete:
            return
        else:
            start = find_next_record(data, start)
            yield None, start


def read_record(data: bytes, start: int) -> tuple[Record, int] | None:
    """Return the record at a position with that of its end; none if it is not whole."""
    try:
        magic, length, checksum = HEADER.unpack_from(data, start)
    except struct.error:
        return None
    end = start + HEADER.size + length
    payload = data[start + HEADER.size : end]
    if magic != MAGIC or len(payload) != length or zlib.crc32(payload) != checksum:
        return None
    head, _, body = payload.partition(b"\n")
    try:
        return to_record(json.loads(head.decode()), body), end
    except (ValueError, LookupError, TypeError, AttributeError):  # as another release writes it
        return None


def to_record(line: dict[str, Any], body: bytes) -> Record:
    """Make a record of a line of JSON.

    Raises:
        ValueError, LookupError, TypeError, AttributeError: it is not one of a record.
    """
    kind, uuid = Kind(line.pop("kind")), UUID(line.pop("uuid"))
    if line.pop("is_base64", False):
        body = b64decode(body)
    return Record(kind, uuid, datetime.fromisoformat(line.pop("received_at")), line, body)


def find_next_record(data: bytes, damaged: int) -> int:
    """Find the next whole record after a damaged one; the end if there is none."""
    start = data.find(MAGIC, damaged + 1)
    while start != -1 and read_record(data, start) is None:
        start = data.find(MAGIC, start + 1)
    return len(data) if start == -1 else start
