"""Read stored deliveries again, so that those a newer release understands become events."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from models.delivery import Delivery, has_verdict
from models.event import LifecycleEvent
from models.vocabulary import Verdict
from services.journal.records import Kind, Record
from services.recording.callback import Callback, to_callback
from services.recording.ledger import Numbers
from services.recording.repeats import Repeats
from services.recording.store import store_events

CHUNK = 500
UNREAD = (Verdict.UNHANDLED, Verdict.INVALID)


@dataclass
class Replayed:
    """How many deliveries without an event were read, and how many state one, by command."""

    read: int = 0
    events: Counter[str] = field(default_factory=Counter)
    repeats: Counter[str] = field(default_factory=Counter)


def replay(
    engine: sa.Engine, *, dry_run: bool, on_read: Callable[[int], None] = lambda _: None
) -> Replayed:
    """Derive the events that unhandled and invalid deliveries state by today's schemas.

    The deliveries stay as they are, including the verdict: it says what was understood on arrival.
    A delivery that already has its event is skipped, so a second run adds nothing.

    Args:
        dry_run: add nothing, and return what would be added.
        on_read: called with how many more were read.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database failed; what was added until then stays, and
            another run adds the rest.
    """
    done, repeats = Replayed(), Repeats()
    for rows in fetch_unread(engine):
        if not dry_run:
            repeats = Repeats()  # the recorder may have added events meanwhile
        stating = [one for one in map(read_delivery, rows) if one.event_key is not None]
        with engine.connect() as connection:
            numbers = Numbers.lock(connection)
            repeats.look_up(connection, stating)
            for callback in stating:
                repeats.place(connection, callback)
            store_events(connection, stating, numbers)
            numbers.store(connection)
            if not dry_run:
                connection.commit()
        for callback in stating:
            counted = done.events if callback.duplicate_of is None else done.repeats
            counted[str(callback.reading.command)] += 1
        done.read += len(rows)
        on_read(len(rows))
    return done


def fetch_unread(engine: sa.Engine) -> Iterator[Sequence[sa.Row[tuple[object, ...]]]]:
    """Fetch the deliveries that made no event, in order of arrival, some at a time."""
    made = sa.exists().where(LifecycleEvent.delivery_id == Delivery.id)
    for verdict in UNREAD:
        query = sa.select(Delivery.__table__).where(has_verdict(verdict), ~made)
        query = query.order_by(Delivery.received_at, Delivery.id).limit(CHUNK)
        after: sa.ColumnElement[bool] = sa.true()
        while True:
            with engine.connect() as connection:
                rows = connection.execute(query.where(after)).all()
            if not rows:
                break
            yield rows
            last = rows[-1]
            here = sa.tuple_(Delivery.received_at, Delivery.id)
            there = sa.tuple_(sa.literal(last.received_at, Delivery.received_at.type), last.id)
            after = sa.and_(Delivery.received_at >= last.received_at, here > there)


def read_delivery(row: sa.Row[tuple[object, ...]]) -> Callback:
    """Read a delivery as if it had just arrived."""
    callback = to_callback(
        Record(Kind.CALLBACK, row.uuid, row.received_at, row._asdict(), row.body)
    )
    callback.delivery_id = row.id
    return callback
