"""The rows that a callback becomes."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from models.clock import EPOCH
from schemas.tencent.lifecycle import LifecycleFact
from services.recording.callback import Callback
from services.recording.repeats import Place

Row = dict[str, Any]


def to_delivery(callback: Callback, delivery_id: int, place: Place) -> Row:
    """Make the row of what was sent."""
    return {
        "id": delivery_id,
        "uuid": callback.uuid,
        "received_at": callback.received_at,
        "sdk_app_id": callback.sdk_app_id,
        "command": callback.reading.command,
        "verdict": place.verdict_of(callback),
        "errors": callback.reading.errors,
        "duplicate_of": place.duplicate_of,
        "peer": callback.arrival.peer,
        "query_string": callback.arrival.query_string,
        "body": callback.body,
    }


def to_event(callback: Callback, fact: LifecycleFact, *, ids: tuple[int, int], place: Place) -> Row:
    """Make the row of what it means.

    Args:
        callback: whose fact it is.
        fact: what it says.
        ids: of the event and of its delivery.
        place: where it belongs among the events with its key.
    """
    event_id, delivery_id = ids
    return {
        "id": event_id,
        "delivery_id": delivery_id,
        "event_key": callback.event_key,
        "occurrence": place.occurrence,
        "subject_type": fact.subject_type,
        "subject_id": fact.subject_id,
        "action": fact.action,
        "command": callback.reading.command,
        "sdk_app_id": callback.sdk_app_id,
        "operator": fact.operator,
        "owner": fact.owner,
        "name": fact.name,
        "occurred_at": to_occurred_at(callback, fact),
        "received_at": callback.received_at,
        "event_time": fact.event_time,
        "client_ip": callback.envelope.client_ip,
        "platform": callback.envelope.platform,
        "details": fact.details,
    }


def to_occurred_at(callback: Callback, fact: LifecycleFact) -> datetime:
    """Tell when it happened; without ``EventTime`` that is when it was received."""
    if fact.event_time is None:
        return callback.received_at
    return EPOCH + timedelta(milliseconds=fact.event_time)


def to_members(callback: Callback, fact: LifecycleFact, *, event_id: int) -> Iterator[Row]:
    """Make a row for every user that the event names, once."""
    for position, user_id in enumerate(dict.fromkeys(fact.members)):
        yield {
            "event_id": event_id,
            "user_id": user_id,
            "position": position,
            "occurred_at": to_occurred_at(callback, fact),
            "subject_id": fact.subject_id,
        }
