"""The rows that a callback becomes; ``services.ingest`` inserts them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from models.vocabulary import Verdict
from schemas.fields import EPOCH
from schemas.lifecycle import LifecycleFact
from services.callback import Callback
from services.repeats import Place

Row = dict[str, Any]


def to_delivery(callback: Callback, place: Place | None) -> Row:
    """Make the row of what was sent; only what states a fact has a place among the events."""
    reading = callback.reading
    verdict = Verdict.INVALID if reading.errors else Verdict.UNHANDLED
    if place is not None:
        verdict = Verdict.ACCEPTED if place.duplicate_of is None else Verdict.DUPLICATE
    return {
        "uuid": callback.uuid,
        "received_at": callback.arrival.received_at,
        "sdk_app_id": callback.sdk_app_id,
        "command": reading.command,
        "verdict": verdict,
        "errors": reading.errors,
        "duplicate_of": place and place.duplicate_of,
        "peer": callback.arrival.peer,
        "query_string": callback.arrival.query_string,
        "body": callback.body,
    }


def to_event(callback: Callback, fact: LifecycleFact, place: Place) -> Row:
    """Make the row of what it means; its delivery is stored before it."""
    return {
        "delivery_uuid": callback.uuid,
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
        "received_at": callback.arrival.received_at,
        "event_time": fact.event_time,
        "client_ip": callback.envelope.client_ip,
        "platform": callback.envelope.platform,
        "details": fact.details,
    }


def to_occurred_at(callback: Callback, fact: LifecycleFact) -> datetime:
    """Tell when it happened; without ``EventTime`` that is when it was received."""
    if fact.event_time is None:
        return callback.arrival.received_at
    return EPOCH + timedelta(milliseconds=fact.event_time)


def to_members(callback: Callback, fact: LifecycleFact, place: Place) -> Iterator[Row]:
    """Make a row for every user the event names, once; the event is stored before them."""
    for position, user_id in enumerate(dict.fromkeys(fact.members)):
        yield {
            "event_key": callback.event_key,
            "event_occurrence": place.occurrence,
            "user_id": user_id,
            "position": position,
            "occurred_at": to_occurred_at(callback, fact),
            "subject_id": fact.subject_id,
        }
