"""Put records of the journal into the tables, in one transaction of few statements."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from models.counts import LostCallback
from models.database.many import insert, is_among, upsert
from models.database.members import insert_members
from models.delivery import Delivery
from models.event import LifecycleEvent
from models.ledger import ServiceEvent
from models.quarantine import QuarantinedRequest
from models.vocabulary import Measure, ServiceEventKind
from schemas.tencent.body import Reading
from services.journal.records import Kind, Record
from services.recording.callback import Callback, Row, read
from services.recording.counts import Counts, store_differences
from services.recording.ledger import Numbers, check_marks, store_marks
from services.recording.quarantine import store_refusals
from services.recording.repeats import Repeats

ANY_LOST = sa.select(LostCallback.uuid).limit(1)  # hardly ever
SERVICE_EVENTS = {
    Kind.STARTED: ServiceEventKind.RECEIVER_STARTED,
    Kind.STOPPED: ServiceEventKind.RECEIVER_STOPPED,
    Kind.TALLY: ServiceEventKind.CALLBACKS_LOST,
}


@dataclass(frozen=True)
class Batch:
    """Records that are stored together.

    Attributes:
        records: in order of arrival.
        known_marks: how far each segment is recorded, as far as the recorder knows.
        marks: how far it is recorded afterwards.
        is_counted: whether they have not been in the tables before, in any database.
        events: of the service itself, without a record.
    """

    records: Sequence[Record] = ()
    known_marks: Mapping[str, int] = field(default_factory=dict)
    marks: Mapping[str, int] = field(default_factory=dict)
    is_counted: bool = True
    events: Sequence[dict[str, Any]] = ()

    def of_kind(self, kind: Kind) -> list[Record]:
        """Give the records of a kind."""
        return [record for record in self.records if record.kind is kind]


def store(connection: sa.Connection, batch: Batch, counts: Counts, *, now: datetime) -> None:
    """Store a batch, each record once, however often it is given.

    Args:
        connection: in a transaction of the caller's; nothing is stored unless that is committed.
        batch: what to store.
        counts: added to; nothing is in it yet.
        now: timezone-aware.

    Raises:
        MarksMovedError: a segment is recorded up to another position than the batch begins with.
        sqlalchemy.exc.SQLAlchemyError: the database does not take it.
    """
    numbers = Numbers.lock(connection)
    if batch.known_marks:
        check_marks(connection, batch.known_marks)
    deliveries = leave_out_known(connection, Delivery, batch.of_kind(Kind.CALLBACK))
    callbacks = [to_callback(record) for record in deliveries]
    store_callbacks(connection, callbacks, numbers)
    refusals = leave_out_known(connection, QuarantinedRequest, batch.of_kind(Kind.REFUSAL))
    store_refusals(connection, refusals, numbers)
    for record in refusals:
        app = record.head["sdk_app_id"] or ""
        counts.add(record.received_at, Measure.REFUSED, app, name=record.head["reason"])
    for callback in callbacks:
        counts.add_callback(callback, now=now)
    store_tallies(connection, batch.of_kind(Kind.TALLY), counts)
    take_off_lost(connection, {callback.uuid for callback in callbacks}, counts)
    store_service_events(connection, batch)
    if batch.is_counted:
        store_differences(connection, callbacks)
        counts.store(connection)
    store_marks(connection, batch.marks)
    numbers.store(connection)


def to_callback(record: Record) -> Callback:
    """Make the callback that a record holds; read it again unless the receiver has read it."""
    try:
        reading = Reading.of(record.head["reading"])
    except (LookupError, TypeError, ValueError):  # there is none, or one of another release
        reading = None
    return read(record.uuid, record.received_at, record.head, record.body, reading=reading)


def leave_out_known(
    connection: sa.Connection,
    table: type[Delivery | QuarantinedRequest],
    records: Sequence[Record],
) -> list[Record]:
    """Leave out what is in a table already, and what is given twice."""
    if not records:
        return []
    arrivals = [record.received_at for record in records]
    known = sa.select(table.uuid).where(
        table.received_at.between(min(arrivals), max(arrivals)),
        is_among(connection, table.uuid, [record.uuid for record in records]),
    )
    new = {record.uuid: record for record in records}
    for uuid in connection.scalars(known):
        del new[uuid]
    return list(new.values())


def store_callbacks(
    connection: sa.Connection, callbacks: Sequence[Callback], numbers: Numbers
) -> None:
    """Store deliveries, and the events that they mean."""
    if not callbacks:
        return
    repeats = Repeats()
    repeats.look_up(connection, callbacks)
    for callback in callbacks:
        callback.delivery_id = numbers.number_deliveries()
        repeats.place(connection, callback)
    insert(connection, Delivery, [callback.to_delivery() for callback in callbacks])
    store_events(connection, callbacks, numbers)


def store_events(
    connection: sa.Connection, callbacks: Iterable[Callback], numbers: Numbers
) -> None:
    """Store the events of those callbacks that repeat none.

    Args:
        connection: in a transaction that has the turn to write.
        callbacks: each with its place among the repeats.
        numbers: the next IDs.
    """
    events: list[Row] = []
    members: dict[int, list[str]] = {}
    for callback in callbacks:
        fact = callback.reading.fact
        if fact is not None and callback.duplicate_of is None:
            event_id = numbers.number_events()
            events.append(callback.to_event(event_id, fact))
            members[event_id] = [*dict.fromkeys(fact.members)]
    insert(connection, LifecycleEvent, events)
    insert_members(connection, members)


def take_off_lost(connection: sa.Connection, uuids: set[UUID], counts: Counts) -> None:
    """Count callbacks no longer as lost that were found after all."""
    if not uuids or connection.scalar(ANY_LOST) is None:
        return
    found = sa.select(LostCallback.uuid, LostCallback.received_at, LostCallback.sdk_app_id)
    rows = connection.execute(found.where(LostCallback.uuid.in_(uuids))).all()
    for _, received_at, sdk_app_id in rows:
        counts.add(received_at, Measure.LOST, sdk_app_id, value=-1)
    if rows:
        gone = LostCallback.uuid.in_([row.uuid for row in rows])
        connection.execute(sa.delete(LostCallback).where(gone))


def store_tallies(connection: sa.Connection, tallies: Sequence[Record], counts: Counts) -> None:
    """Count what receivers have counted; note which lost callbacks may be found yet."""
    doubtful = {}
    for record in {tally.uuid: tally for tally in tallies}.values():  # two folders may have it
        for minute, measure, app, name, value in record.head["counts"]:
            at = datetime.fromisoformat(minute)
            counts.add(at, Measure(measure), app, name=name, value=value)
        for uuid, received_at, app in (record.head["losses"] or {}).get("doubtful", ()):
            at = datetime.fromisoformat(received_at)
            doubtful[UUID(uuid)] = {"uuid": UUID(uuid), "received_at": at, "sdk_app_id": app}
    if doubtful:
        upsert(connection, LostCallback, [*doubtful.values()], replace=("sdk_app_id",))
        arrivals = [row["received_at"] for row in doubtful.values()]
        stored = sa.select(Delivery.uuid).where(
            Delivery.received_at.in_(arrivals), Delivery.uuid.in_(doubtful)
        )
        take_off_lost(connection, set(connection.scalars(stored)), counts)


def store_service_events(connection: sa.Connection, batch: Batch) -> None:
    """Store starts, stops and losses."""
    rows = [*batch.events]
    for record in batch.records:
        losses = record.head.get("losses")
        if record.kind in (Kind.STARTED, Kind.STOPPED) or losses:
            rows.append(
                {
                    "uuid": record.uuid,
                    "at": record.received_at,
                    "kind": SERVICE_EVENTS[record.kind],
                    "process": record.head["process"],
                    "details": {
                        name: value for name, value in (losses or {}).items() if name != "doubtful"
                    },
                }
            )
    upsert(connection, ServiceEvent, rows, replace=("kind",))
