"""Follow the bulk of all events, subject by subject, so that each subject is written once.

In order of recording, each event would read and write its subject.
"""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from models.database.many import MOST_VALUES, is_among
from models.event import EventMember, Label, LifecycleEvent
from models.vocabulary import OF_TOPICS, Findable, SubjectType
from services.recording.database import RecorderDatabase
from services.recording.following.labels import Key, add_labels, make_key
from services.recording.following.states import restore_states
from services.recording.ledger import Numbers

MOST_EVENTS = 5_000  # of a transaction, unless one subject has more
# Tables that were filled at once have no statistics until PostgreSQL's daemon comes by, and without
# them it reads all events of a kind for some subjects.
ANALYZE = "ANALYZE lifecycle_events, event_members"

IDS = (
    sa.select(LifecycleEvent.subject_id)
    .where(
        LifecycleEvent.subject_type == sa.bindparam("kind"),
        LifecycleEvent.subject_id > sa.bindparam("after"),
    )
    .order_by(LifecycleEvent.subject_id)
    .limit(sa.bindparam("most"))
)
# The name of a topic is not a name of its group.
NAME = sa.case((LifecycleEvent.action.not_in(OF_TOPICS), LifecycleEvent.name))
NAMES = sa.select(LifecycleEvent.sdk_app_id, LifecycleEvent.subject_id, NAME).distinct()


def follow_subjects(database: RecorderDatabase) -> None:
    """Follow all events subject by subject, unless most of them have been followed already.

    Others may record and follow meanwhile.

    Raises:
        NotReadyError, sqlalchemy.exc.SQLAlchemyError: the database does not take what follows.
    """
    with database.begin() as connection:
        opened = connection.connection.dbapi_connection
        numbers = Numbers.lock(connection)
        last = numbers.next_event_id - 1
        if 2 * numbers.followed_event_id > last:
            return
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(ANALYZE)
    for _ in restore_subjects(database.engine):
        pass
    with database.begin() as connection:
        if connection.connection.dbapi_connection is opened:  # else it may be another database
            numbers = Numbers.lock(connection)
            numbers.followed_event_id = max(numbers.followed_event_id, last)
            numbers.store(connection)


def restore_subjects(engine: sa.Engine) -> Iterator[int]:
    """Store what follows from all events; yield how many more subjects that is done for."""
    for kind in SubjectType:
        for ids in list_subjects(engine, kind):
            with engine.begin() as connection:
                Numbers.lock(connection)
                restore_states(connection, kind, ids)
                add_labels(connection, read_labels(connection, kind, ids))
            yield len(ids)


def list_subjects(engine: sa.Engine, kind: SubjectType) -> Iterator[Sequence[str]]:
    """Yield the IDs of one kind in order, in parts that have few events."""
    after = ""
    while True:
        wanted = {"kind": kind, "after": after, "most": MOST_EVENTS}
        with engine.connect() as connection:
            ids = [*dict.fromkeys(connection.scalars(IDS, wanted))][:MOST_VALUES]
        if not ids:
            return
        yield ids
        after = ids[-1]


def read_labels(connection: sa.Connection, kind: SubjectType, ids: Sequence[str]) -> Iterator[Key]:
    """Yield what the events of subjects name, except users that already have their label."""
    is_event = is_among(connection, LifecycleEvent.subject_id, ids)
    names = NAMES.where(LifecycleEvent.subject_type == kind, is_event)
    for app, subject_id, name in connection.execute(names):
        yield make_key(kind, subject_id, app, subject_id)
        if name is not None:
            yield make_key(kind, subject_id, app, name)
    users = sa.union(
        sa.select(LifecycleEvent.operator.label("id")).where(is_event),
        sa.select(LifecycleEvent.owner).where(is_event),
        sa.select(EventMember.user_id).where(is_among(connection, EventMember.subject_id, ids)),
    ).subquery()
    label = (Label.kind == Findable.USER, Label.sdk_app_id == "", Label.holder_id == users.c.id)
    new = sa.select(users.c.id).where(users.c.id.is_not(None), ~sa.exists().where(*label))
    for user_id in connection.scalars(new):
        yield make_key(Findable.USER, user_id, "", user_id)
