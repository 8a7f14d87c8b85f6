"""Fixtures: records without a request, and obstacles to recording."""

from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from models.clock import EPOCH
from models.vocabulary import Measure, Refusal
from services.journal.journal import Journal
from services.journal.records import Kind, Record, new_uuid
from services.receiving.tally import Tally
from services.recording.retention.purge import Limits, Purge
from tests.conftest import APP, NOW
from tests.payloads import group_created

QUERY = f"SdkAppid={APP}"


def callback_record(seconds=0.0, *, body=None, app=APP):
    at = NOW + timedelta(seconds=seconds)
    head = {"sdk_app_id": app, "peer": "127.0.0.1", "query_string": QUERY}
    body = f'{{"CallbackCommand":"Group.Any","n":{seconds}}}'.encode() if body is None else body
    return Record(Kind.CALLBACK, new_uuid(at), at, head, body)


def refusal_record(seconds=0.0, *, reason=Refusal.SIGN_WRONG, app=None, peer="192.0.2.1", body=b""):
    at = NOW + timedelta(seconds=seconds)
    head = {
        "reason": reason,
        "sdk_app_id": app,
        "peer": peer,
        "query_string": QUERY,
        "body_bytes": len(body),
    }
    return Record(Kind.REFUSAL, new_uuid(at), at, head, body)


def tally_record(seconds=0.0, *, refused=0, lost=(), doubtful=()):
    at, tally = NOW + timedelta(seconds=seconds), Tally()
    if refused:
        tally.add(NOW, Measure.REFUSED, "", name=Refusal.APP_UNKNOWN, value=refused)
    for records, is_doubtful in ((lost, False), (doubtful, True)):
        for record in records:
            tally.add_loss(record, is_doubtful=is_doubtful)
    return Record(Kind.TALLY, new_uuid(at), at, {"process": "host:1", **tally.take()})


@pytest.fixture
def write(journal):
    """Write records like a receiver that then exits: its segment is sealed."""

    def write(*records, folder=None):
        writer = Journal([folder or journal.folders[0]])
        for record in records:
            writer.append(record)
        writer.close()

    return write


@pytest.fixture
def purge(recorder):
    """Purge everything that arrived before now."""

    def purge(*, unhandled=EPOCH, everything=EPOCH):
        limits = Limits(everything, max(unhandled, everything))
        purging, purged = Purge(recorder.database), 0
        while (step := purging.step(limits)).seen:
            purged += step.purged
        return purged

    return purge


@pytest.fixture
def happen(post, clock):
    """Let something happen to a group, a minute after the event before."""

    def happen(make, group="A", **said):
        clock.move(minutes=1)
        at = int(clock.now.timestamp() * 1000)
        said = {"EventTime": at, "GroupId": group, **said}
        assert post(make(**said)).status_code == 200

    return happen


# Statements that make a database reject a row, and that undo this.
REFUSE = {
    "sqlite": (
        "CREATE TRIGGER refuse BEFORE INSERT ON lifecycle_events WHEN NEW.subject_id = 'bad' "
        "BEGIN SELECT RAISE(ABORT, 'bad'); END",
        "DROP TRIGGER refuse",
    ),
    "postgresql": (
        "ALTER TABLE lifecycle_events ADD CONSTRAINT refuse CHECK (subject_id <> 'bad')",
        "ALTER TABLE lifecycle_events DROP CONSTRAINT refuse",
    ),
    "mysql": (
        "ALTER TABLE lifecycle_events ADD CONSTRAINT refuse CHECK (subject_id <> 'bad')",
        "ALTER TABLE lifecycle_events DROP CONSTRAINT refuse",
    ),
}
bad_group = partial(group_created, GroupId="bad")


@pytest.fixture
def administer(database_url):
    """Run a statement as the owner of the database does."""
    engine = sa.create_engine(database_url, isolation_level="AUTOCOMMIT")

    def run(statement):
        with engine.connect() as connection:
            connection.execution_options(migrating=True).exec_driver_sql(statement)

    yield run
    engine.dispose()


@pytest.fixture
def refuse_bad_group(administer, engine):
    """Make the database reject one subject; the returned function undoes that."""
    refuse, allow = REFUSE[engine.name]
    administer(refuse)
    return partial(administer, allow)


LOCKS = {
    "sqlite": ("BEGIN IMMEDIATE",),
    "postgresql": ("BEGIN", "LOCK TABLE event_members IN ACCESS EXCLUSIVE MODE"),
    "mysql": ("LOCK TABLES event_members WRITE",),
}


@pytest.fixture
def holding(engine, database_url):
    """A connection that holds a lock on a table that not every callback needs."""
    other = sa.create_engine(database_url, isolation_level="AUTOCOMMIT")
    with other.connect() as connection:
        for statement in LOCKS[engine.name]:
            connection.exec_driver_sql(statement)
        yield connection
        connection.invalidate()
    other.dispose()
