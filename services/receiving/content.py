"""What of an unhandled callback is not kept with ``UNHANDLED_BODIES=no``: what its users wrote."""

from dataclasses import replace

from schemas.tencent.body import Reading
from services.journal.records import Record


def leave_out_content(record: Record, reading: Reading) -> Record:
    """Leave out body and query string if a callback is unhandled; how long the body is stays."""
    if not reading.is_unhandled:
        return record
    head = {
        **record.head,
        "query_string": "",
        "reading": Reading(reading.command),
        "unstored_bytes": len(record.body),
    }
    return replace(record, head=head, body=b"")
