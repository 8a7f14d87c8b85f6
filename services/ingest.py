"""Append deliveries and the events they mean."""

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from models.delivery import Delivery
from models.event import EventMember, LifecycleEvent
from models.vocabulary import Verdict
from schemas.body import Reading
from schemas.envelope import Arrival, Envelope
from schemas.fields import EPOCH
from schemas.lifecycle import LifecycleFact
from services.repeats import Place, event_key, find_place

ATTEMPTS = 3
PG_DEADLOCK, MYSQL_DEADLOCK = "40P01", 1213


@dataclass(frozen=True)
class Callback:
    """One authentic POST: how it arrived, what its query string says, and its exact bytes."""

    arrival: Arrival
    sdk_app_id: str
    envelope: Envelope
    body: bytes


def store_callback(
    sessions: sessionmaker[Session], callback: Callback, reading: Reading
) -> Verdict:
    """Store one callback, whatever could be read from it; durable once this returns.

    Delivery, event and members are one transaction. Where two requests store the same event at
    once, the unique key stops the second, which then looks again and finds the first.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database did not take it; nothing was stored, or, if
            the connection was lost while committing, that is not known.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            with sessions.begin() as session:
                return append(session, callback, reading)
        except DBAPIError as error:
            if not is_conflict(error):
                raise
    with sessions.begin() as session:
        return append(session, callback, reading)


def is_conflict(error: DBAPIError) -> bool:
    """Tell whether somebody else's transaction undid this one: another try may succeed."""
    deadlock = getattr(error.orig, "sqlstate", None) == PG_DEADLOCK or (
        error.orig is not None and error.orig.args[:1] == (MYSQL_DEADLOCK,)
    )
    return isinstance(error, IntegrityError) or deadlock


def append(session: Session, callback: Callback, reading: Reading) -> Verdict:
    """Add the rows of one callback to the caller's transaction."""
    fact = reading.fact
    if fact is None or reading.command is None:
        verdict = Verdict.INVALID if reading.errors else Verdict.UNHANDLED
        session.add(to_delivery(callback, reading, verdict))
        return verdict
    key = event_key(callback.sdk_app_id, reading.command, reading.body, fact.event_time)
    place = find_place(
        session, key, event_time=fact.event_time, received_at=callback.arrival.received_at
    )
    if place.duplicate_of is not None:
        session.add(to_delivery(callback, reading, Verdict.DUPLICATE, place.duplicate_of))
        return Verdict.DUPLICATE
    event = to_event(callback, reading.command, fact, place)
    event.delivery = to_delivery(callback, reading, Verdict.ACCEPTED)
    session.add(event)
    session.flush()
    add_members(session, event, fact.members)
    return Verdict.ACCEPTED


def to_delivery(
    callback: Callback, reading: Reading, verdict: Verdict, duplicate_of: int | None = None
) -> Delivery:
    """Make the row of what was sent."""
    return Delivery(
        received_at=callback.arrival.received_at,
        sdk_app_id=callback.sdk_app_id,
        command=reading.command,
        verdict=verdict,
        errors=reading.errors,
        duplicate_of=duplicate_of,
        peer=callback.arrival.peer,
        query_string=callback.arrival.query_string,
        body=callback.body,
    )


def to_event(callback: Callback, command: str, fact: LifecycleFact, place: Place) -> LifecycleEvent:
    """Make the row of what it means; without ``EventTime`` it occurred when it was received."""
    return LifecycleEvent(
        event_key=place.event_key,
        occurrence=place.occurrence,
        subject_type=fact.subject_type,
        subject_id=fact.subject_id,
        action=fact.action,
        command=command,
        sdk_app_id=callback.sdk_app_id,
        operator=fact.operator,
        owner=fact.owner,
        name=fact.name,
        occurred_at=(
            callback.arrival.received_at
            if fact.event_time is None
            else EPOCH + timedelta(milliseconds=fact.event_time)
        ),
        received_at=callback.arrival.received_at,
        event_time=fact.event_time,
        client_ip=callback.envelope.client_ip,
        platform=callback.envelope.platform,
        details=fact.details,
    )


def add_members(session: Session, event: LifecycleEvent, members: tuple[str, ...]) -> None:
    """Add a row for every user the event names, once."""
    rows = [
        {
            "event_id": event.id,
            "user_id": user_id,
            "position": position,
            "occurred_at": event.occurred_at,
        }
        for position, user_id in enumerate(dict.fromkeys(members))
    ]
    if rows:
        session.execute(sa.insert(EventMember), rows)
