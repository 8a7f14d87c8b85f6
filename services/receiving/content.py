"""The content of unhandled callbacks, which ``UNHANDLED_BODIES=no`` does not keep."""

from dataclasses import replace

from schemas.tencent.body import Reading
from services.journal.records import Record


def leave_out_content(record: Record, reading: Reading) -> Record:
    """Drop the body and query string of an unhandled callback; keep the length of the body."""
    if not reading.is_unhandled:
        return record
    head = {
        **record.head,
        "query_string": "",
        "reading": Reading(reading.command),
        "unstored_bytes": len(record.body),
    }
    return replace(record, head=head, body=b"")
