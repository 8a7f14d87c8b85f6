"""Notice that Tencent sends something else than it documents, before somebody misses it."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from models.delivery import Delivery
from schemas.drift import find_differences
from schemas.lifecycle import LifecycleSchema
from schemas.registry import LIFECYCLE_SCHEMAS
from schemas.strict_json import UnreadableError, parse_json

Stored = sa.Row[int, datetime, bytes]

NEWEST = 1000  # deliveries of a command


def find_drift(
    session: Session, *, newest: int = NEWEST, on_read: Callable[[int], None] = lambda _: None
) -> list[dict[str, Any]]:
    """Compare the newest deliveries of every command with the fields that its schema names.

    Args:
        session: any session that may read.
        newest: how many of each command to compare.
        on_read: told how many more commands were compared.

    Returns:
        A report for each command that was sent: ``schemas.drift.CommandDriftSchema``.
    """
    found = []
    for command, schema in LIFECYCLE_SCHEMAS.items():
        deliveries = list(compare(session, command, schema, newest))
        if deliveries:
            found.append(summarize(command, deliveries))
        on_read(1)
    return found


def compare(
    session: Session, command: str, schema: LifecycleSchema, newest: int
) -> Iterator[tuple[Stored, list[tuple[str, str]]]]:
    """Give the newest deliveries of a command, each with its differences."""
    query = (
        sa.select(Delivery.id, Delivery.received_at, Delivery.body)
        .where(Delivery.command == command)
        .order_by(Delivery.received_at.desc(), Delivery.id.desc())
        .limit(newest)
    )
    for row in session.execute(query):
        try:
            body = parse_json(row.body)
        except UnreadableError:
            continue
        if isinstance(body, dict):
            yield row, list(find_differences(schema, body))


def summarize(
    command: str, deliveries: list[tuple[Stored, list[tuple[str, str]]]]
) -> dict[str, Any]:
    """Count each difference; deliveries come newest first."""
    differences: dict[tuple[str, str], dict[str, Any]] = {}
    for row, different in deliveries:
        for field, seen in different:
            known = differences.setdefault(
                (field, seen),
                {
                    "field": field,
                    "seen": seen,
                    "count": 0,
                    "last_seen": row.received_at,
                    "sample_delivery_id": row.id,
                },
            )
            known["count"] += 1
            known["first_seen"] = row.received_at
    return {
        "command": command,
        "deliveries": len(deliveries),
        "differences": [differences[key] for key in sorted(differences)],
    }
