"""Store refused requests, within limits that strangers cannot exceed."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from models.database.many import insert
from models.quarantine import QuarantinedRequest
from models.text import MAX_ID_LENGTH, escape_text
from services.journal.records import Record
from services.recording.ledger import Numbers

MAX_OF_APP = 10_000  # of one reason and one app of ours
MAX_OF_PEER = 1_000  # of one reason and one stranger
MAX_OF_STRANGERS = 10_000  # of one reason


def store_refusals(connection: sa.Connection, refusals: Sequence[Record], numbers: Numbers) -> None:
    """Store refused requests, and drop the oldest ones beyond the limits.

    Args:
        connection: in a transaction that has the turn to write.
        refusals: records of kind ``refusal``.
    """
    rows = [to_row(one, its_id) for its_id, one in enumerate(refusals, numbers.next_request_id)]
    numbers.next_request_id += len(rows)
    insert(connection, QuarantinedRequest, rows)
    for reason, sender, app in {(row["reason"], row["sender"], row["sdk_app_id"]) for row in rows}:
        of_sender = {"reason": reason, "sender": sender}
        drop_oldest(connection, of_sender, most=MAX_OF_PEER if app is None else MAX_OF_APP)
    for reason in {row["reason"] for row in rows if row["sdk_app_id"] is None}:
        of_strangers = {"reason": reason, "sdk_app_id": None}
        drop_oldest(connection, of_strangers, most=MAX_OF_STRANGERS)


def drop_oldest(connection: sa.Connection, equal: Mapping[str, str | None], *, most: int) -> None:
    """Drop the oldest requests that share the values of some columns, until so many are left."""
    at, request_id = QuarantinedRequest.received_at, QuarantinedRequest.id
    newest_first = (
        sa.select(at, request_id).filter_by(**equal).order_by(at.desc(), request_id.desc())
    )
    excess = connection.execute(newest_first.offset(most).limit(1)).one_or_none()
    if excess is not None:
        is_older = sa.or_(
            at < excess.received_at, sa.and_(at == excess.received_at, request_id <= excess.id)
        )
        connection.execute(sa.delete(QuarantinedRequest).filter_by(**equal).where(is_older))


def to_row(record: Record, request_id: int) -> dict[str, Any]:
    """Make the row of a refused request."""
    head = record.head
    return {
        "id": request_id,
        "uuid": record.uuid,
        "received_at": record.received_at,
        "reason": head["reason"],
        "sdk_app_id": head["sdk_app_id"],
        "sender": head["sdk_app_id"] or escape_text(head["peer"])[: MAX_ID_LENGTH // 2],
        "peer": head["peer"],
        "query_string": head["query_string"],
        "body": record.body,
        "body_bytes": head["body_bytes"],
    }
