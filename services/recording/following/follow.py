"""Make present states and labels follow the events.

A batch that leaves nothing waiting is followed in the transaction that records it. After a larger
one they catch up in transactions of their own, which delay neither receiving nor recording. Their
position is stored with them, so a restored database gets what it lacks.
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
FEW_EVENTS = 400  # of a batch; after a larger one, more may be waiting
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
    """Events cannot be followed in the transaction that stores them."""


def follow_all(database: RecorderDatabase) -> None:
    """Follow all events.

    Raises:
        NotReadyError, sqlalchemy.exc.SQLAlchemyError: as ``follow_some``.
    """
    follow_subjects(database)
    while follow_some(database):
        pass


def follow_some(database: RecorderDatabase) -> int:
    """Follow the next events; return how many, 0 once all are followed.

    Raises:
        NotReadyError, sqlalchemy.exc.SQLAlchemyError: the database does not take what follows.
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
    """Find the last event to follow: at least one, and no more than ``MOST_MEMBERS`` allow."""
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
    """Follow events in the transaction that stores them, if they are few and no others wait.

    Raises:
        NotFollowedError: the transaction has to do without.
    """
    if not events or numbers.followed_event_id != events[0]["id"] - 1:
        return
    if len(events) > FEW_EVENTS or sum(map(len, members.values())) > MOST_MEMBERS:
        return
    try:
        follow(connection, events, members)
    except Exception as fault:  # follow_some meets the same fault, and reports it
        raise NotFollowedError from fault
    numbers.followed_event_id = events[-1]["id"]


def follow(
    connection: sa.Connection,
    events: Sequence[Row],
    members: Mapping[int, Sequence[str]],
) -> None:
    """Store the states and labels that follow from events.

    Args:
        events: as they are stored, in order of ID.
        members: the users that each event names, by the ID of the event.
    """
    store_states(connection, events)
    add_labels(connection, list_keys(events, members))
