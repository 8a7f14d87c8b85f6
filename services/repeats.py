"""Tell a callback that is delivered again from a new event that looks the same."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from models.event import LifecycleEvent

# Without EventTime, equal bodies further apart than this are different events: a group may be
# renamed to A, to B and to A again.
REPEAT_WINDOW = timedelta(seconds=60)


@dataclass(frozen=True)
class Place:
    """Where a fact belongs among the events with its key.

    Attributes:
        occurrence: the number a new event takes; the database lets only one have it.
        duplicate_of: the delivery whose event this repeats, or none if it is a new event.
    """

    event_key: str
    occurrence: int
    duplicate_of: int | None


def event_key(
    sdk_app_id: str, command: str, body: Mapping[str, Any], event_time: int | None
) -> str:
    """Digest what stays the same when Tencent delivers one event again.

    That is app, command and body; the signature and its time belong to the request. The order of
    keys makes no difference, nor whether ``EventTime`` is ``123`` or ``"123"``.

    Returns:
        64 hexadecimal characters.
    """
    if event_time is not None:
        body = {**body, "EventTime": event_time}
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return sha256(f"{sdk_app_id}\n{command}\n{canonical}".encode()).hexdigest()


def find_place(
    session: Session, key: str, *, event_time: int | None, received_at: datetime
) -> Place:
    """Look for the event that a callback repeats.

    The answer holds only until somebody else stores the same event, which the unique key of
    ``lifecycle_events`` then reports: look again in a new transaction.
    """
    near: sa.ColumnElement[bool] = sa.true()
    if event_time is None:
        near = LifecycleEvent.received_at.between(
            received_at - REPEAT_WINDOW, received_at + REPEAT_WINDOW
        )
    query = sa.select(
        sa.func.min(sa.case((near, LifecycleEvent.delivery_id))),
        sa.func.coalesce(sa.func.max(LifecycleEvent.occurrence) + 1, 0),
    ).where(LifecycleEvent.event_key == key)
    duplicate_of, occurrence = session.execute(query).one()
    return Place(key, occurrence=occurrence, duplicate_of=duplicate_of)
