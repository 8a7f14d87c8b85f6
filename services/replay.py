"""Read stored deliveries again: what a newer release understands becomes events after all."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from models.delivery import Delivery
from models.event import LifecycleEvent
from models.session import Database
from models.vocabulary import Verdict
from schemas.envelope import Arrival
from services.append import STORE_MEMBERS
from services.callback import Callback, to_callback
from services.repeats import Place, find_places, has_time
from services.rows import to_event, to_members

CHUNK = 500
UNREAD = (Verdict.UNHANDLED, Verdict.INVALID)
STORE_EVENTS = sa.insert(LifecycleEvent)


@dataclass
class Replayed:
    """What came of it.

    Attributes:
        read: how many deliveries that had made no event.
        events: how many events were added, by command.
        repeats: how many say again what an event says already, by command.
    """

    read: int = 0
    events: Counter[str] = field(default_factory=Counter)
    repeats: Counter[str] = field(default_factory=Counter)


def replay(
    database: Database, *, dry_run: bool, on_read: Callable[[int], None] = lambda _: None
) -> Replayed:
    """Derive the events that unhandled and invalid deliveries state by today's schemas.

    The deliveries stay as they are, verdict included: it says what was understood on arrival. One
    that has its event already is passed over, so a second run adds nothing.

    Args:
        database: deliveries are read by its read engine, events written by the other.
        dry_run: add nothing, and tell what would be added.
        on_read: told how many more were read.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database failed; what was added until then stays, and
            another run adds the rest.
    """
    done, known = Replayed(), set[str | None]()
    for rows in fetch_unread(database.read_engine):
        deliveries = {to_stored_callback(row): row["id"] for row in rows}
        stating = [one for one in deliveries if one.event_key is not None]
        with database.write_engine.connect() as connection:
            while stating:
                stating = add_events(connection, stating, deliveries, done, known)
            if not dry_run:
                connection.commit()
                known.clear()
        done.read += len(rows)
        on_read(len(rows))
    return done


def add_events(
    connection: sa.Connection,
    callbacks: Sequence[Callback],
    deliveries: Mapping[Callback, int],
    done: Replayed,
    known: set[str | None],
) -> list[Callback]:
    """Add the events of some callbacks, one of each key, and count them.

    Args:
        connection: in a transaction of the caller's.
        callbacks: each states a fact.
        deliveries: where each is stored.
        done: counted into.
        known: keys of events that were found in this run but are not kept; added to.

    Returns:
        Those whose key another had: they may repeat it.
    """
    places = find_places(connection, callbacks)
    new: dict[str | None, Callback] = {}
    later = []
    for callback in callbacks:
        command, key = str(callback.reading.command), callback.event_key
        if key in new:
            later.append(callback)
        elif places[callback].duplicate_of is not None or (key in known and has_time(callback)):
            done.repeats[command] += 1
        else:
            new[key] = callback
            done.events[command] += 1
    known.update(new)
    if new:
        insert_events(connection, [(one, deliveries[one], places[one]) for one in new.values()])
    return later


def fetch_unread(engine: sa.Engine) -> Iterator[Sequence[sa.RowMapping]]:
    """Fetch, in order of arrival and some at a time, the deliveries that made no event."""
    made = sa.exists().where(LifecycleEvent.delivery_id == Delivery.id)
    for verdict in UNREAD:
        query = sa.select(Delivery.__table__).where(Delivery.verdict == verdict, ~made)
        query = query.order_by(Delivery.received_at, Delivery.id).limit(CHUNK)
        after: sa.ColumnElement[bool] = sa.true()
        while True:
            with engine.connect() as connection:
                rows = connection.execute(query.where(after)).mappings().all()
            if not rows:
                break
            yield rows
            last = rows[-1]
            here = sa.tuple_(Delivery.received_at, Delivery.id)
            there = sa.tuple_(
                sa.literal(last["received_at"], Delivery.received_at.type), last["id"]
            )
            after = sa.and_(Delivery.received_at >= last["received_at"], here > there)


def to_stored_callback(row: sa.RowMapping) -> Callback:
    """Read a delivery as if it had just arrived."""
    arrival = Arrival(row["received_at"], row["peer"], row["query_string"])
    return to_callback(arrival, row["sdk_app_id"], row["body"], uuid=row["uuid"])


def insert_events(connection: sa.Connection, stored: Sequence[tuple[Callback, int, Place]]) -> None:
    """Insert the events of deliveries that are there, and the users they name."""
    rows: list[dict[str, Any]] = []
    members: list[dict[str, Any]] = []
    for callback, delivery_id, place in stored:
        if (fact := callback.reading.fact) is not None:
            row = to_event(callback, fact, place)
            del row["delivery_uuid"]
            rows.append({**row, "delivery_id": delivery_id})
            members += to_members(callback, fact, place)
    connection.execute(STORE_EVENTS, sorted(rows, key=lambda row: row["event_key"]))
    if members:
        connection.execute(STORE_MEMBERS, members)
