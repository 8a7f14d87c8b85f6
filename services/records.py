"""How callbacks are written to a spool file: record after record.

A record is four magic bytes, the length and the CRC-32 of what follows, then a line of JSON and the
body. Envelope and reading are not kept: they can be read again.
"""

import json
import os
import struct
import zlib
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from schemas.envelope import Arrival
from services.callback import Callback, to_callback

MAGIC = b"CLL1"
HEADER = struct.Struct(">4sII")


def to_record(callback: Callback) -> bytes:
    """Write one callback."""
    arrival = callback.arrival
    line = {
        "uuid": callback.uuid.hex,
        "received_at": arrival.received_at.isoformat(),
        "peer": arrival.peer,
        "query_string": arrival.query_string,
        "sdk_app_id": callback.sdk_app_id,
    }
    payload = json.dumps(line).encode() + b"\n" + callback.body
    return HEADER.pack(MAGIC, len(payload), zlib.crc32(payload)) + payload


def read_records(data: bytes) -> tuple[list[Callback], bytes]:
    """Read callbacks up to the end of a file, or to where it is damaged.

    What a crash cut off in the middle of an append was never acknowledged.

    Returns:
        The callbacks, and the bytes that could not be read.
    """
    callbacks, start = [], 0
    while start < len(data):
        end = start + HEADER.size
        try:
            magic, length, checksum = HEADER.unpack_from(data, start)
            payload = data[end : end + length]
            if magic != MAGIC or len(payload) != length or zlib.crc32(payload) != checksum:
                break
            callbacks.append(to_waiting_callback(payload))
        except (struct.error, ValueError, KeyError):
            break
        start = end + length
    return callbacks, data[start:]


def to_waiting_callback(payload: bytes) -> Callback:
    """Read one callback.

    Raises:
        ValueError, KeyError: another release has written it in another way.
    """
    head, _, body = payload.partition(b"\n")
    line = json.loads(head)
    received_at = datetime.fromisoformat(line["received_at"])
    arrival = Arrival(received_at, line["peer"], line["query_string"])
    return to_callback(arrival, line["sdk_app_id"], body, uuid=UUID(line["uuid"]))


def measure_records(descriptor: int) -> tuple[int, datetime | None]:
    """Count the records of an open file by their headers alone, and tell when the first arrived."""
    count = start = 0
    first = None
    while len(head := os.pread(descriptor, HEADER.size, start)) == HEADER.size:
        length = int(HEADER.unpack(head)[1])
        if count == 0:
            with suppress(ValueError, KeyError):
                payload = os.pread(descriptor, length, HEADER.size)
                first = to_waiting_callback(payload).arrival.received_at
        count += 1
        start += HEADER.size + length
    return count, first
