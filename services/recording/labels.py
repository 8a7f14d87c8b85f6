"""Let a search find what events name, shortly after these are recorded.

In transactions of their own, and only once nothing waits: neither receiving nor recording is held
up. How far the labels are is stored with them, so a database that was restored gets what it lacks.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from models.database.labels import insert_labels
from models.database.many import is_among
from models.event import EventMember, Label, LifecycleEvent
from models.ledger import Ledger
from models.text import FOLDED_LENGTH, fold
from models.vocabulary import OF_TOPICS, Findable
from services.recording.database import RecorderDatabase
from services.recording.ledger import Numbers

MOST_EVENTS = 500  # of a transaction
MOST_MEMBERS = 5_000  # that these name, unless one event names more
MOST_KEYS = 1_000  # of a statement

FIND_MARK = sa.select(Ledger.labelled_event_id, Ledger.next_event_id - 1)
MOVE_MARK = sa.update(Ledger).where(Ledger.id == 1)
NAMING = sa.select(
    LifecycleEvent.subject_type,
    LifecycleEvent.sdk_app_id,
    LifecycleEvent.subject_id,
    LifecycleEvent.action,
    LifecycleEvent.name,
    LifecycleEvent.operator,
    LifecycleEvent.owner,
)
COUNT_MEMBERS = (
    sa.select(EventMember.event_id, sa.func.count())
    .group_by(EventMember.event_id)
    .order_by(EventMember.event_id)
)
IS_LABELLED = sa.exists().where(
    Label.holder_id == EventMember.user_id, Label.kind == Findable.USER, Label.sdk_app_id == ""
)
NEW_MEMBERS = sa.select(EventMember.user_id).distinct().where(~IS_LABELLED)
KEYS = sa.select(Label.kind, Label.sdk_app_id, Label.holder_id, Label.folded)
NEXT_LABEL = sa.select(sa.func.coalesce(sa.func.max(Label.id), 0) + 1)


class Key(NamedTuple):
    """What a label says; no two labels say the same."""

    kind: str
    sdk_app_id: str
    holder_id: str
    folded: str


def label_all(database: RecorderDatabase) -> None:
    """Label all events that there are.

    Raises:
        sqlalchemy.exc.SQLAlchemyError, NotReadyError: as ``label_some``.
    """
    while label_some(database):
        pass


def label_some(database: RecorderDatabase) -> int:
    """Label the next events; return how many these were, 0 once all are labelled.

    Raises:
        sqlalchemy.exc.SQLAlchemyError, NotReadyError: the database does not take labels.
    """
    with database.begin() as connection:
        Numbers.lock(connection)
        mark, newest = connection.execute(FIND_MARK).one()
        if mark >= newest:
            return 0
        last = find_last(connection, mark, min(mark + MOST_EVENTS, newest))
        store_labels(connection, read_labels(connection, mark, last))
        connection.execute(MOVE_MARK.values(labelled_event_id=last))
    return int(last - mark)


def find_last(connection: sa.Connection, mark: int, last: int) -> int:
    """Find the last event to label: before ``MOST_MEMBERS`` are exceeded, but after the mark."""
    counts = COUNT_MEMBERS.where(EventMember.event_id.between(mark + 1, last))
    members = 0
    for event_id, count in connection.execute(counts).all():
        members += count
        if members > MOST_MEMBERS:
            return max(int(event_id) - 1, mark + 1)
    return last


def read_labels(connection: sa.Connection, mark: int, last: int) -> Iterator[Key]:
    """Yield what the events after a mark name, but for members that have their label already."""
    events = NAMING.where(LifecycleEvent.id.between(mark + 1, last)).order_by(LifecycleEvent.id)
    for kind, app, subject_id, action, name, *users in connection.execute(events):
        yield make_key(kind, app, subject_id, subject_id)
        if name is not None and action not in OF_TOPICS:
            yield make_key(kind, app, subject_id, name)
        yield from (make_key(Findable.USER, "", one, one) for one in users if one is not None)
    members = NEW_MEMBERS.where(EventMember.event_id.between(mark + 1, last))
    for user_id in connection.scalars(members):
        yield make_key(Findable.USER, "", user_id, user_id)


def make_key(kind: str, sdk_app_id: str, holder_id: str, text: str) -> Key:
    """Make the key of the label for an ID or a name."""
    return Key(kind, sdk_app_id, holder_id, fold(text)[:FOLDED_LENGTH])


def store_labels(connection: sa.Connection, keys: Iterable[Key]) -> None:
    """Store the labels that are not there yet, in order."""
    wanted = [*dict.fromkeys(keys)]
    parts = (wanted[start : start + MOST_KEYS] for start in range(0, len(wanted), MOST_KEYS))
    for part in parts:
        known = fetch_known(connection, part)
        next_id = connection.scalars(NEXT_LABEL).one()
        new = [key._asdict() for key in part if key not in known]
        insert_labels(connection, [{"id": i, **one} for i, one in enumerate(new, next_id)])


def fetch_known(connection: sa.Connection, keys: Sequence[Key]) -> set[Key]:
    """Fetch those keys that have a label."""
    query = KEYS.where(
        is_among(connection, Label.holder_id, [*{key.holder_id for key in keys}]),
        is_among(connection, Label.folded, [*{key.folded for key in keys}]),
    )
    return {Key(*row) for row in connection.execute(query)}
