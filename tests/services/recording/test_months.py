"""Months are partitions where that is set: made ahead, complete, dropped once they are purged."""

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
import sqlalchemy as sa
from alembic import command

from models.clock import HOUR
from models.database.connection import BusyError
from models.database.engine import connect_to_migrate
from models.database.months import fold_month, list_months
from models.tables import Delivery, EventMember, LifecycleEvent
from services.recording.loop import Loop
from services.recording.recorder import Recorder
from services.recording.retention import months
from services.recording.retention.months import drop_month, make_months
from tests.engines import config_for
from tests.payloads import group_created, group_destroyed
from tests.services.journal.conftest import wait_until

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
DECEMBER, JANUARY, FEBRUARY = (
    datetime(2026 + month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in (11, 12, 13)
)
WAITING = "SELECT count(*) FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
PARTS = {"deliveries": "id", "lifecycle_events": "delivery_id", "event_members": "event_id"}


@pytest.fixture(autouse=True)
def _deliveries_are_only_added():
    """Override the rule of all other tests: here deliveries are deleted."""


@pytest.fixture
def listed(recorder):
    """List the months that are partitions."""

    def listed():
        with recorder.database.begin() as connection:
            return list_months(connection)

    return listed


@pytest.fixture
def keep(recorder, clock, listed):
    """Make months, or else drop one; return those there are then."""

    def keep(*, makes=True):
        if makes:
            make_months(recorder.database, now=clock())
        else:
            drop_month(recorder.database)
        return listed()

    return keep


@pytest.fixture
def ask(connection):
    """Ask the database something about its tables."""

    def ask(query):
        return connection.exec_driver_sql(query).all()

    return ask


def parts_of(ask, table):
    """Return the partition of each row, by what identifies it."""
    rows = ask(f"SELECT {PARTS[table]}, CAST(tableoid AS regclass) FROM {table}")
    return {key: part.removeprefix(f"{table}_") for key, part in rows}


def test_next_months_are_made_before_they_begin(keep, clock):
    assert keep(makes=False) == []
    assert keep() == [DECEMBER, JANUARY]
    assert keep() == [DECEMBER, JANUARY]
    clock.move(days=10)
    assert keep() == [DECEMBER, JANUARY, FEBRUARY]


@pytest.mark.parametrize("day", [1, 15, 31])
def test_no_month_is_left_out_on_any_day(keep, clock, day):
    clock.now = datetime(2027, 1, day, 23, 59, tzinfo=UTC)

    assert [f"{month:%m}" for month in keep()] == ["02", "03"]


def test_row_is_in_the_month_of_its_time_or_in_the_rest(keep, clock, happen, record, ask):
    happen(group_created, "A")
    happen(group_created, "early", EventTime=int(DECEMBER.timestamp() * 1000))
    record()
    keep()
    happen(group_created, "B")
    happen(group_created, "early too", EventTime=int(JANUARY.timestamp() * 1000) - 1)
    happen(group_created, "far", EventTime=int(FEBRUARY.timestamp() * 1000))
    clock.move(days=10)
    happen(group_created, "C")
    record()

    events = ["rest", "2026_12", "rest", "2026_12", "rest", "2026_12"]
    assert parts_of(ask, "lifecycle_events") == dict(enumerate(events, 1))
    assert set(parts_of(ask, "event_members").items()) <= set(enumerate(events, 1))
    deliveries = ["rest"] * 5 + ["2026_12"]
    assert parts_of(ask, "deliveries") == dict(enumerate(deliveries, 1))


def test_rows_of_a_month_are_served_like_all_others(keep, clock, happen, record, read_all):
    keep()
    for number in range(5):
        happen(group_created, f"{number}")
        happen(group_created, f"{number}")  # with another time
        clock.move(days=9)
    record()

    assert [event["id"] for event in read_all("/history", limit=3)] == [*range(10, 0, -1)]
    assert [one["id"] for one in read_all("/deliveries", limit=3)] == [*range(10, 0, -1)]


def test_repeat_is_recognised_in_a_month(keep, clock, happen, record, rows):
    keep()
    clock.move(days=10)
    at = int(clock.now.timestamp() * 1000)
    happen(group_destroyed, EventTime=at)
    record()
    happen(group_destroyed, EventTime=at)
    record()

    assert [row.duplicate_of for row in rows(Delivery)] == [None, 1]
    assert len(rows(LifecycleEvent)) == 1


def columns_of(definition):
    return re.sub(r"INDEX \S+ ON (ONLY )?\S+", "", definition)


def test_month_has_every_index_of_its_table(keep, ask):
    keep()
    indexes = "SELECT indexdef FROM pg_indexes WHERE tablename = '{}'"

    for table in PARTS:
        whole = {columns_of(one) for (one,) in ask(indexes.format(table))}
        for part in ("2026_12", "rest"):
            assert {columns_of(one) for (one,) in ask(indexes.format(f"{table}_{part}"))} == whole
    assert not ask("SELECT 1 FROM pg_index WHERE NOT indisvalid")


def test_purged_month_is_dropped_and_what_lives_on_stays(
    keep, clock, happen, record, purge, rows, ask, read
):
    keep()
    clock.move(days=10)
    happen(group_created, "ends")
    happen(group_created, "lives")
    happen(group_destroyed, "ends")
    record()
    lives = read("/groups/lives")
    clock.move(days=31)
    happen(group_created, "new")
    record()
    purge(everything=JANUARY - HOUR)
    assert keep(makes=False) == [DECEMBER, JANUARY]

    purge(everything=JANUARY)
    assert keep(makes=False) == [JANUARY]

    assert [row.subject_id for row in rows(LifecycleEvent)] == ["lives", "new"]
    assert parts_of(ask, "lifecycle_events") == {2: "rest", 4: "2027_01"}
    assert parts_of(ask, "deliveries") == {2: "rest", 4: "2027_01"}
    assert read("/groups/lives") | {"at": lives["at"]} == lives
    assert not ask("SELECT 1 FROM pg_class WHERE relname ~ '2026_12'")


def test_no_row_is_lost_as_months_come_and_go(keep, clock, happen, record, purge, rows):
    chance, made = Random(7), set()
    for _ in range(40):
        clock.move(days=chance.randrange(10))
        about = clock() + timedelta(days=chance.randrange(-40, 70))
        make, group = chance.choice([group_created, group_destroyed]), chance.choice("ABC")
        happen(make, group, EventTime=int(about.timestamp() * 1000))
        record()
        purge(everything=clock() - timedelta(days=40))

        before = [rows(table) for table in (Delivery, LifecycleEvent, EventMember)]
        made |= {*keep()}
        left = keep(makes=False)
        assert [rows(table) for table in (Delivery, LifecycleEvent, EventMember)] == before

    assert len(made) > len(left) > 1


def test_question_during_a_drop_sees_what_moves(keep, clock, happen, record, purge, read, recorder):
    keep()
    clock.move(days=10)
    happen(group_created)
    record()
    clock.move(days=31)
    purge(everything=JANUARY)
    before = read("/history")

    with ThreadPoolExecutor(1) as reader:
        with recorder.database.begin() as connection:
            fold_month(connection, DECEMBER)
            answer = reader.submit(read, "/history")
            wait_until(lambda: connection.exec_driver_sql(WAITING).scalar())
        assert answer.result() == before


def test_purge_works_although_all_tables_are_replicated(
    keep, clock, happen, record, purge, administer
):
    administer("CREATE PUBLICATION everything FOR ALL TABLES")  # which needs primary keys
    happen(group_created)
    happen(group_destroyed)
    keep()
    clock.move(days=10)
    happen(group_created)
    happen(group_destroyed)
    record()
    clock.move(minutes=1)

    assert purge(everything=clock()) == 4


def test_month_that_much_rests_on_stays_a_partition(
    keep, clock, happen, record, purge, monkeypatch, ask
):
    monkeypatch.setattr(months, "MOST_ROWS", 1)
    keep()
    clock.move(days=10)
    for group in "AB":
        happen(group_created, group, MemberList=None)
    record()
    clock.move(days=31)
    purge(everything=JANUARY)
    assert keep(makes=False) == [DECEMBER, JANUARY]

    happen(group_destroyed, "A", MemberList=None)
    record()
    clock.move(days=28)
    purge(everything=FEBRUARY)
    assert keep(makes=False) == [JANUARY]

    assert parts_of(ask, "lifecycle_events") == {2: "rest"}


def test_months_are_not_made_without_end(keep, clock, monkeypatch):
    monkeypatch.setattr(months, "MOST_MONTHS", 1)
    assert keep() == [DECEMBER]
    monkeypatch.setattr(months, "MOST_MONTHS", 3)
    for _ in range(5):
        keep()
        clock.move(days=31)

    assert keep() == [DECEMBER, JANUARY, FEBRUARY]


def test_recorder_that_was_off_for_long_makes_the_months_to_come(keep, clock):
    keep()
    clock.move(days=200)

    assert [f"{month:%m}" for month in keep()] == ["12", "01", "07", "08"]


def test_long_read_is_waited_out(keep, clock, purge, connection):
    keep()
    clock.move(days=42)
    connection.exec_driver_sql("SELECT count(*) FROM deliveries").all()

    purge(everything=JANUARY)
    for makes in (True, False):
        with pytest.raises(BusyError):
            keep(makes=makes)
    connection.rollback()

    assert keep(makes=False) == [JANUARY]


def test_month_has_the_rights_of_its_table(keep, administer, ask):
    reader, backup = "lifecycle_months_reader", "lifecycle_months_backup"
    for role in (reader, backup):
        administer(f"CREATE ROLE {role}")
    try:
        administer(f"GRANT SELECT ON deliveries, lifecycle_events, event_members TO {backup}")
        administer(f"GRANT SELECT (id) ON deliveries TO {reader}")
        for role in (reader, "PUBLIC"):
            defaults = "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO"
            administer(f"{defaults} {role}")
        keep()
        granted = ask("SELECT relacl::text FROM pg_class WHERE relname ~ '_2026_12$'")
    finally:
        for role in (reader, backup):
            administer(f"DROP OWNED BY {role}")
            administer(f"DROP ROLE {role}")

    assert len(granted) == len(PARTS)
    for (rights,) in granted:
        assert f"{backup}=r/" in rights
        assert reader not in rights
        assert "{=r/" not in rights
        assert ",=r/" not in rights


def test_database_with_months_can_be_checked_and_migrated(keep, database_url):
    keep()

    with connect_to_migrate(database_url) as connection:
        command.check(config_for(connection))
        command.downgrade(config_for(connection), "base")
        assert not sa.inspect(connection).get_table_names(schema="public")[1:]


@pytest.fixture
def loop(recorder_settings, clock):
    """Loops with and without months."""
    recorders = []

    def make(*, by_month):
        recorders.append(Recorder(replace(recorder_settings, by_month=by_month), clock))
        return Loop(recorders[-1])

    yield make
    for one in recorders:
        one.close()


def test_recorder_makes_months_if_told_to_and_drops_them_anyway(loop, listed, clock, purge):
    loop(by_month=False).work()
    assert listed() == []
    loop(by_month=True).work()
    assert listed() == [DECEMBER, JANUARY]

    clock.move(days=42)
    purge(everything=JANUARY)
    loop(by_month=False).work()
    assert listed() == [JANUARY]


def test_recorder_goes_on_beside_a_long_read(loop, clock, happen, record, rows, connection, caplog):
    caplog.set_level(logging.INFO)
    happen(group_created)
    connection.exec_driver_sql("SELECT count(*) FROM deliveries").all()

    loop(by_month=True).work()

    assert len(rows(Delivery)) == 1
    (said,) = [one for one in caplog.records if "months" in one.message]
    assert said.levelno == logging.INFO
    assert said.message.startswith("the next months are not made yet: ")


def test_clock_that_was_just_set_makes_no_month(loop, listed, clock):
    set_ahead = loop(by_month=True)
    clock.move(days=9999)
    set_ahead.work()

    assert listed() == []


def test_month_that_cannot_be_made_keeps_none_from_being_dropped(
    loop, keep, listed, clock, purge, administer, caplog
):
    keep()
    clock.move(days=42)
    purge(everything=JANUARY)
    administer("CREATE TABLE event_members_2027_02 (mine int)")

    loop(by_month=True).work()

    assert listed() == [JANUARY]
    (said,) = [one for one in caplog.records if "months" in one.message]
    assert "event_members_2027_02" in said.message
