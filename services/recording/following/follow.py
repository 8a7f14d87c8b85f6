"""Have what follows from events follow them: present states, and the labels of a search.

A batch that leaves nothing waiting is followed in the transaction that records it. Behind a larger
one they catch up in transactions of their own: neither receiving nor recording is held up. How far
they are is stored with them, so a database that was restored gets what it lacks.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from models.event import EventMember, LifecycleEvent
from models.ledger import Ledger
from services.recording.callback import Row
from services.recording.database import RecorderDatabase
from services.recording.following.labels import add_labels, list_keys
from services.recording.following.states import store_states
from services.recording.following.subjects import follow_subjects
from services.recording.ledger import Numbers

MOST_EVENTS = 500  # of a transaction
FEW_EVENTS = 400  # of a batch; behind a larger one, more may wait
MOST_MEMBERS = 5_000  # that these name, unless one event names more

IS_FOLLOWED = sa.select(Ledger.followed_event_id >= Ledger.next_event_id - 1)
FIRST: sa.BindParameter[int] = sa.bindparam("first")  # IDs of events
LAST: sa.BindParameter[int] = sa.bindparam("last")  # included
EVENTS = (
    sa.select(LifecycleEvent.__table__)
    .where(LifecycleEvent.id.between(FIRST, LAST))
    .order_by(LifecycleEvent.id)
)
OF_EVENTS = EventMember.event_id.between(FIRST, LAST)
MEMBERS = sa.select(EventMember.event_id, EventMember.user_id).where(OF_EVENTS)
COUNT_MEMBERS = (
    sa.select(EventMember.event_id, sa.func.count())
    .where(OF_EVENTS)
    .group_by(EventMember.event_id)
    .order_by(EventMember.event_id)
)


class NotFollowedError(Exception):
    """Events can't be followed in the transaction that stores them."""


def follow_all(database: RecorderDatabase) -> None:
    """Follow all events that there are.

    Raises:
        sqlalchemy.exc.SQLAlchemyError, NotReadyError: as ``follow_some``.
    """
    follow_subjects(database)
    while follow_some(database):
        pass


def follow_some(database: RecorderDatabase) -> int:
    """Follow the next events; return how many these were, 0 once all are followed.

    Raises:
        sqlalchemy.exc.SQLAlchemyError, NotReadyError: the database does not take what follows.
    """
    with database.begin() as connection:
        if connection.scalar(IS_FOLLOWED):
            return 0
        numbers = Numbers.lock(connection)
        mark = numbers.followed_event_id
        last = find_last(connection, mark, min(mark + MOST_EVENTS, numbers.next_event_id - 1))
        new = {"first": mark + 1, "last": last}
        members: dict[int, list[str]] = defaultdict(list)
        for event_id, user_id in connection.execute(MEMBERS, new):
            members[event_id].append(user_id)
        events = [dict(row) for row in connection.execute(EVENTS, new).mappings()]
        follow(connection, events, members)
        numbers.followed_event_id = last
        numbers.store(connection)
    return last - mark


def find_last(connection: sa.Connection, mark: int, last: int) -> int:
    """Find the last event to follow: before ``MOST_MEMBERS`` are exceeded, but after the mark."""
    counts = connection.execute(COUNT_MEMBERS, {"first": mark + 1, "last": last})
    members = 0
    for event_id, count in counts.all():
        members += count
        if members > MOST_MEMBERS:
            return max(int(event_id) - 1, mark + 1)
    return last


def follow_at_once(
    connection: sa.Connection,
    numbers: Numbers,
    events: Sequence[Row],
    members: Mapping[int, Sequence[str]],
) -> None:
    """Follow events in the transaction that stores them, if these are few and no others wait.

    Raises:
        NotFollowedError: the transaction has to do without.
    """
    if not events or numbers.followed_event_id != events[0]["id"] - 1:
        return
    if len(events) > FEW_EVENTS or sum(map(len, members.values())) > MOST_MEMBERS:
        return
    try:
        follow(connection, events, members)
    except Exception as fault:  # which follow_some meets again, and tells
        raise NotFollowedError from fault
    numbers.followed_event_id = events[-1]["id"]


def follow(
    connection: sa.Connection,
    events: Sequence[Row],
    members: Mapping[int, Sequence[str]],
) -> None:
    """Store what follows from events.

    Args:
        connection: in a transaction that has the turn to write.
        events: as they are stored, in order of ID.
        members: by ID of the event, the users that it names.
    """
    store_states(connection, events)
    add_labels(connection, list_keys(events, members))
