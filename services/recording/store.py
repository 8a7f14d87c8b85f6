"""Store records of the journal in the tables, in one transaction of few statements."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from models.counts import LostCallback
from models.database.many import delete, fetch_among, insert, replace
from models.database.members import insert_members
from models.delivery import Delivery
from models.event import LifecycleEvent
from models.ledger import ActOfReading, ServiceEvent
from models.quarantine import QuarantinedRequest
from models.text import fits_id_column
from models.vocabulary import Measure, ServiceEventKind
from services.journal.records import Kind, Record
from services.recording.callback import Callback, Row, to_callback
from services.recording.counts import Counts, store_differences
from services.recording.following.follow import follow_at_once
from services.recording.ledger import Numbers, check_marks, number_commands, store_marks
from services.recording.quarantine import store_refusals
from services.recording.repeats import Repeats

Table = type[Delivery | QuarantinedRequest | ActOfReading]
Events = tuple[Sequence[Row], Mapping[int, Sequence[str]]]  # with the users they name, by ID

FIRST: sa.BindParameter[datetime] = sa.bindparam("first")
LAST: sa.BindParameter[datetime] = sa.bindparam("last")  # included
UUIDS: Mapping[Table, sa.Select[UUID]] = {
    table: sa.select(table.uuid).where(table.received_at.between(FIRST, LAST))
    for table in (Delivery, QuarantinedRequest, ActOfReading)
}
ANY_LOST = sa.select(LostCallback.uuid).limit(1)
LOST = sa.select(LostCallback.uuid, LostCallback.received_at, LostCallback.sdk_app_id)
SERVICE_EVENTS = {
    Kind.STARTED: ServiceEventKind.RECEIVER_STARTED,
    Kind.STOPPED: ServiceEventKind.RECEIVER_STOPPED,
    Kind.RECORDER_STARTED: ServiceEventKind.RECORDER_STARTED,
    Kind.RECORDER_STOPPED: ServiceEventKind.RECORDER_STOPPED,
    Kind.TALLY: ServiceEventKind.CALLBACKS_LOST,
}


@dataclass(frozen=True)
class Batch:
    """Records to store together.

    Attributes:
        records: in order of arrival.
        known_marks: up to where each segment is recorded, as far as the recorder knows.
        marks: up to where it is recorded afterwards.
        is_counted: whether to count them: they have never been in the tables of any database.
        is_followed: whether to follow their events at once, if these are few.
    """

    records: Sequence[Record] = ()
    known_marks: Mapping[str, int] = field(default_factory=dict)
    marks: Mapping[str, int] = field(default_factory=dict)
    is_counted: bool = True
    is_followed: bool = True


class Stored(NamedTuple):
    """The result of one transaction.

    Attributes:
        callbacks: the new ones.
        is_followed: whether all events are followed.
    """

    callbacks: Sequence[Callback]
    is_followed: bool


def store(connection: sa.Connection, batch: Batch, counts: Counts, *, now: datetime) -> Stored:
    """Store a batch, each record once, however often it comes.

    Args:
        connection: in a transaction of the caller's; nothing is stored unless that is committed.
        counts: empty; the counts of the batch are added to it.
        now: timezone-aware.

    Raises:
        MarksMovedError: a segment is recorded up to a position where the batch does not begin.
        NotFollowedError: its events cannot be followed; store the same batch without that.
        sqlalchemy.exc.SQLAlchemyError: the database rejects it.
    """
    numbers = Numbers.lock(connection)
    numbers.keep_new(now)
    check_marks(connection, batch.known_marks)
    callbacks = read_new(connection, batch, numbers)
    events, members = store_callbacks(connection, callbacks, numbers)
    for callback in callbacks:
        counts.add_callback(callback, now=now)
    take_off_lost(connection, {callback.record.uuid for callback in callbacks}, counts)
    if others := [one for one in batch.records if one.kind is not Kind.CALLBACK]:
        store_others(connection, others, numbers, counts)
    if batch.is_counted:
        store_differences(connection, callbacks)
        counts.store(connection)
    store_marks(connection, batch.marks)
    if batch.is_followed:
        follow_at_once(connection, numbers, events, members)
    numbers.store(connection)
    return Stored(callbacks, numbers.followed_event_id == numbers.next_event_id - 1)


def read_new(connection: sa.Connection, batch: Batch, numbers: Numbers) -> list[Callback]:
    """Read the callbacks that are neither stored yet nor as old as what was purged."""
    since = numbers.kept_since
    given = [one for one in batch.records if one.kind is Kind.CALLBACK and one.received_at >= since]
    callbacks = map(to_callback, leave_out_known(connection, Delivery, given))
    since = numbers.unhandled_kept_since
    return [
        one for one in callbacks if one.record.received_at >= since or not one.reading.is_unhandled
    ]


def leave_out_known(
    connection: sa.Connection, table: Table, records: Sequence[Record]
) -> list[Record]:
    """Leave out records that are in a table already, and duplicates."""
    if not records:
        return []
    new = {record.uuid: record for record in records}
    for uuid in fetch_stored(connection, table, new, [one.received_at for one in records]):
        del new[uuid]
    return [*new.values()]


def fetch_stored(
    connection: sa.Connection, table: Table, uuids: Iterable[UUID], arrivals: Sequence[datetime]
) -> Iterable[UUID]:
    """Fetch the UUIDs that a table already has, by way of their times of arrival."""
    bounds = {"first": min(arrivals), "last": max(arrivals)}
    return fetch_among(connection, UUIDS[table], {table.uuid: uuids}, **bounds).scalars()


def store_callbacks(
    connection: sa.Connection, callbacks: Sequence[Callback], numbers: Numbers
) -> Events:
    """Store deliveries and their events; return the events."""
    if not callbacks:
        return [], {}
    repeats = Repeats()
    repeats.look_up(connection, callbacks)
    for callback in callbacks:
        callback.delivery_id = numbers.next_delivery_id
        numbers.next_delivery_id += 1
        repeats.place(connection, callback)
    commands = number_commands(connection, {one.reading.command for one in callbacks})
    insert(connection, Delivery, [callback.to_delivery(commands) for callback in callbacks])
    return store_events(connection, callbacks, numbers)


def store_events(
    connection: sa.Connection, callbacks: Iterable[Callback], numbers: Numbers
) -> Events:
    """Store the events of callbacks that are not repeats; return them.

    Args:
        connection: in a transaction that has the turn to write.
        callbacks: each with its place among the repeats.
    """
    events: list[Row] = []
    members: dict[int, list[str]] = {}
    for callback in callbacks:
        fact = callback.reading.fact
        if fact is not None and callback.duplicate_of is None:
            events.append(callback.to_event(numbers.next_event_id, fact))
            members[numbers.next_event_id] = [*dict.fromkeys(fact.members)]
            numbers.next_event_id += 1
    insert(connection, LifecycleEvent, events)
    insert_members(connection, members)
    return events, members


def store_others(
    connection: sa.Connection, records: Sequence[Record], numbers: Numbers, counts: Counts
) -> None:
    """Store everything else: refusals, readings, tallies, starts and stops."""
    by_kind = {kind: [one for one in records if one.kind is kind] for kind in Kind}
    refusals = [one for one in by_kind[Kind.REFUSAL] if one.received_at >= numbers.kept_since]
    refusals = leave_out_known(connection, QuarantinedRequest, refusals)
    store_refusals(connection, refusals, numbers)
    for one in refusals:
        app = one.head["sdk_app_id"] or ""
        counts.add(one.received_at, Measure.REFUSED, app, name=one.head["reason"])
    readings = leave_out_known(connection, ActOfReading, by_kind[Kind.READING])
    rows = [to_reading(one, its_id) for its_id, one in enumerate(readings, numbers.next_reading_id)]
    insert(connection, ActOfReading, rows)
    numbers.next_reading_id += len(rows)
    store_tallies(connection, by_kind[Kind.TALLY], counts)
    store_service_events(connection, records)


def to_reading(record: Record, reading_id: int) -> dict[str, Any]:
    """Make the row of a reading."""
    head = record.head
    return {
        "id": reading_id,
        "uuid": record.uuid,
        "received_at": record.received_at,
        "holder": head["holder"],
        "sign_in": head["sign_in"],
        "address": head["address"],
        "subject_id": to_id(head["subject_id"]),
        "user_id": to_id(head["user_id"]),
        "status": head["status"],
        "peer": head["peer"],
        "request_id": head["request_id"],
    }


def to_id(text: str | None) -> str | None:
    """Return an ID; none if it is too long to be one."""
    return text if text is not None and fits_id_column(text) else None


def take_off_lost(connection: sa.Connection, uuids: Set[UUID], counts: Counts) -> None:
    """Subtract from the lost callbacks those that were found after all.

    Losses are rare, so a connection without any does not ask again until the next tally.
    """
    if not uuids or not connection.info.setdefault("may_have_lost", True):
        return
    if connection.scalar(ANY_LOST) is None:
        connection.info["may_have_lost"] = False
        return
    rows = fetch_among(connection, LOST, {LostCallback.uuid: uuids}).all()
    for _, received_at, sdk_app_id in rows:
        counts.add(received_at, Measure.LOST, sdk_app_id, value=-1)
    delete(connection, LostCallback.uuid, [row.uuid for row in rows])


def store_tallies(connection: sa.Connection, tallies: Sequence[Record], counts: Counts) -> None:
    """Add the counts of receivers; note which lost callbacks may still be found."""
    doubtful = {}
    for record in {tally.uuid: tally for tally in tallies}.values():  # two folders may have one
        for minute, measure, app, name, value in record.head["counts"]:
            at = datetime.fromisoformat(minute)
            counts.add(at, Measure(measure), app, name=name, value=value)
        for uuid, received_at, app in (record.head["losses"] or {}).get("doubtful", ()):
            at = datetime.fromisoformat(received_at)
            doubtful[UUID(uuid)] = {"uuid": UUID(uuid), "received_at": at, "sdk_app_id": app}
    if tallies:
        connection.info["may_have_lost"] = True
    if doubtful:
        insert(connection, LostCallback, [*doubtful.values()], sdk_app_id=replace)
        arrivals = [row["received_at"] for row in doubtful.values()]
        stored = fetch_stored(connection, Delivery, doubtful, arrivals)
        take_off_lost(connection, {*stored}, counts)


def store_service_events(connection: sa.Connection, records: Iterable[Record]) -> None:
    """Store starts, stops and losses."""
    rows = []
    for record in records:
        losses = dict(record.head.get("losses") or {})
        if record.kind in SERVICE_EVENTS and (losses or record.kind is not Kind.TALLY):
            losses.pop("doubtful", None)
            rows.append(
                {
                    "uuid": record.uuid,
                    "at": record.received_at,
                    "kind": SERVICE_EVENTS[record.kind],
                    "process": record.head["process"],
                    "details": losses,
                }
            )
    insert(connection, ServiceEvent, rows, kind=replace)
