"""Durable whatever the database does, and stored once in the end."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from time import monotonic, sleep

import pytest
import sqlalchemy as sa

from models import Delivery, LifecycleEvent
from models.session import Database
from services.drain import drain
from services.keeper import Keeper, NotKeptError
from services.spool import SEGMENT, STUCK, Spool
from tests.conftest import wait_until_drained
from tests.payloads import group_created, group_destroyed, topic_changed
from tests.services.test_spool import AT, make_callback

DEADLINE = timedelta(milliseconds=200)


def lifecycle(body, **changes):
    """A callback as it comes from a blueprint."""
    return make_callback(json.dumps(body).encode(), **changes)


@pytest.fixture
def database(database_url):
    database = Database.open(database_url, database_url, lock_wait=DEADLINE)
    yield database
    database.close()


@pytest.fixture
def keeper(database, tmp_path):
    keeper = Keeper(database.write_engine, Spool(tmp_path / "spool"), DEADLINE)
    keeper.committer.check().result(10)
    yield keeper
    keeper.close()


@contextmanager
def locked(engine, url):
    """Somebody else holds the table, or all of an SQLite file."""
    if engine.name == "sqlite":
        other = sqlite3.connect(url.database, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
        other.close()
        return
    statement = {
        "postgresql": "LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE",
        "mysql": "LOCK TABLES deliveries WRITE",
    }
    other = sa.create_engine(url)
    with other.connect() as connection:
        connection.exec_driver_sql(statement[engine.name])
        yield
        connection.invalidate()
    other.dispose()


@contextmanager
def broken(database, statement, repair):
    """The database refuses, at once, until it is repaired."""
    engine = sa.create_engine(database.write_engine.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
        yield
        connection.exec_driver_sql(repair)
    engine.dispose()


def without_table(database, table="deliveries"):
    return broken(
        database, f"ALTER TABLE {table} RENAME TO away", f"ALTER TABLE away RENAME TO {table}"
    )


def stored(database):
    with database.reads() as session:
        return session.scalars(sa.select(Delivery).order_by(Delivery.id)).all()


def count_events(database):
    with database.reads() as session:
        return session.scalar(sa.select(sa.func.count(LifecycleEvent.id)))


def test_callback_is_stored_at_once_and_leaves_no_file(keeper, database):
    keeper.keep(make_callback(b"1"))

    assert [row.body for row in stored(database)] == [b"1"]
    assert not keeper.spool.folder.exists()


def test_callbacks_that_come_together_are_all_stored(keeper, database):
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: keeper.keep(make_callback(b"%d" % number)), range(100)))

    assert sorted(int(row.body) for row in stored(database)) == list(range(100))


def test_callback_waits_in_the_spool_while_somebody_holds_the_database(
    keeper, database, database_url, engine
):
    with locked(engine, database_url):
        keeper.keep(lifecycle(group_created()))
        assert len(keeper.spool.list_segments(SEGMENT)) == 1

    wait_until_drained(keeper.spool)
    (row,) = stored(database)
    assert (row.received_at, row.verdict) == (AT, "accepted")
    assert count_events(database) == 1


def test_nobody_waits_for_a_database_that_is_known_to_be_away(
    keeper, database_url, engine, database
):
    keeper.drainer.close()
    with locked(engine, database_url):
        keeper.keep(make_callback(b"first"))
        began = monotonic()
        for number in range(20):
            keeper.keep(make_callback(b"%d" % number))
        took = monotonic() - began

    assert keeper.breaker.is_open
    assert took < 20 * DEADLINE.total_seconds() / 2


def test_who_waits_already_stops_waiting_once_the_database_is_given_up(keeper):
    release = Event()
    keeper.committer.store = lambda _: release.wait(10)
    with ThreadPoolExecutor(9) as pool:
        kept = [pool.submit(keeper.keep, make_callback(b"%d" % number)) for number in range(9)]
        for future in kept:
            future.result(5)
    release.set()

    (path,) = keeper.spool.list_segments(SEGMENT)
    with keeper.spool.take(path) as segment:
        assert len(segment.callbacks) == 9


def test_before_command_does_not_wait_for_a_slow_database(keeper, database_url, engine):
    before = {"CallbackCommand": "Group.CallbackBeforeCreateGroup"}
    with locked(engine, database_url):
        began = monotonic()
        keeper.keep(lifecycle(before))
        took = monotonic() - began

    assert took < DEADLINE.total_seconds()
    assert not keeper.breaker.is_open


@pytest.mark.parametrize("table", ["deliveries", "lifecycle_events", "event_members"])
def test_callback_that_the_database_refuses_is_kept_until_it_is_repaired(keeper, database, table):
    with without_table(database, table):
        keeper.keep(lifecycle(group_destroyed()))
        assert keeper.spool.list_segments(SEGMENT)

    wait_until_drained(keeper.spool)
    assert len(stored(database)) == count_events(database) == 1


def test_callbacks_go_to_the_database_again_once_it_is_back(keeper, database):
    with without_table(database):
        keeper.keep(make_callback(b"1"))
    wait_until_drained(keeper.spool)
    while keeper.breaker.is_open:
        pass

    keeper.keep(make_callback(b"2"))

    assert [row.body for row in stored(database)] == [b"1", b"2"]


def test_commit_of_unknown_outcome_makes_one_delivery(keeper, database):
    callback = lifecycle(group_created())
    keeper.keep(callback)

    keeper.spool.append(callback)
    keeper.spool.append(callback)
    keeper.drainer.wake()

    wait_until_drained(keeper.spool)
    assert len(stored(database)) == count_events(database) == 1


def test_one_callback_stored_twice_at_the_same_time_makes_one_delivery(keeper, database):
    callback = lifecycle(group_created())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keeper.keep, [callback] * 32))

    wait_until_drained(keeper.spool)
    assert len(stored(database)) == count_events(database) == 1


def test_spool_is_stored_by_time_of_arrival_whoever_wrote_it(keeper, database, tmp_path):
    spools = [Spool(keeper.spool.folder) for _ in range(3)]
    for second in range(30):
        spools[second % 3].append(make_callback(b"%d" % second, seconds=second))
    for spool in spools:
        spool.close()

    keeper.start()

    wait_until_drained(keeper.spool)
    assert [int(row.body) for row in stored(database)] == list(range(30))


def test_repeats_are_told_by_time_of_arrival_though_they_are_stored_late(keeper, database):
    for seconds in (100, 0, 30):
        keeper.spool.append(lifecycle(topic_changed(), seconds=seconds))
    keeper.start()

    wait_until_drained(keeper.spool)
    verdicts = [(row.received_at - AT, row.verdict) for row in stored(database)]
    assert verdicts == [
        (timedelta(seconds=0), "accepted"),
        (timedelta(seconds=30), "duplicate"),
        (timedelta(seconds=100), "accepted"),
    ]


def test_only_one_drains_at_a_time(keeper):
    keeper.spool.append(make_callback())
    with keeper.spool.draining():
        assert drain(keeper.spool, keeper.committer) is None


def test_segment_stays_until_all_of_it_is_stored(keeper, database):
    keeper.drainer.close()
    for number in range(120):
        keeper.spool.append(make_callback(b"%d" % number))
    (path,) = keeper.spool.list_segments(SEGMENT)
    taken, real = [], keeper.committer.store

    def store_some(callbacks):
        taken.extend(callbacks)
        if len(taken) > 60:
            raise ConnectionError("gone")
        real(callbacks)

    keeper.committer.store = store_some
    with pytest.raises(ConnectionError):
        drain(keeper.spool, keeper.committer)
    assert keeper.spool.list_segments(SEGMENT) == [path]

    keeper.committer.store = real
    assert drain(keeper.spool, keeper.committer).stored == 120
    assert len(stored(database)) == 120


def test_callback_that_cannot_be_stored_does_not_hold_up_the_others(keeper, database):
    keeper.drainer.close()
    for number in range(60):
        keeper.spool.append(make_callback(b"%d" % number, seconds=number))
    real = keeper.committer.store

    def store_all_but_one(callbacks):
        if any(callback.body == b"7" for callback in callbacks):
            raise ValueError("this one never")
        real(callbacks)

    keeper.committer.store = store_all_but_one
    drained = drain(keeper.spool, keeper.committer)

    assert (drained.stored, drained.stuck) == (59, 1)
    assert len(stored(database)) == 59
    assert keeper.spool.list_segments(SEGMENT) == []
    assert len(keeper.spool.list_segments(STUCK)) == 1

    keeper.committer.store = real
    assert drain(keeper.spool, keeper.committer).stored == 0
    assert drain(keeper.spool, keeper.committer, stuck_too=True).stored == 1
    assert len(stored(database)) == 60
    assert keeper.spool.list_segments(STUCK) == []


def test_database_goes_on_when_the_spool_disk_is_full(keeper, database, tmp_path):
    (tmp_path / "spool").touch()  # a file in place of the folder: nothing can be written there

    keeper.keep(make_callback(b"1"))

    assert len(stored(database)) == 1


def test_slow_database_is_waited_for_when_the_spool_disk_is_full(keeper, database, tmp_path):
    (tmp_path / "spool").touch()
    real, release = keeper.committer.store, Event()

    def store_late(callbacks):
        release.wait(2 * DEADLINE.total_seconds())
        release.set()  # once is enough: nobody knows into how many batches the others fall
        real(callbacks)

    keeper.committer.store = store_late
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda number: keeper.keep(make_callback(b"%d" % number)), range(20)))

    assert len(stored(database)) == 20


def test_callback_that_others_send_away_has_nowhere_else_to_go(keeper, database, tmp_path):
    (tmp_path / "spool").touch()
    real, begun, release = keeper.committer.store, Event(), Event()

    def store_late(callbacks):
        begun.set()
        release.wait(10)
        real(callbacks)

    keeper.committer.store = store_late
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(keeper.keep, make_callback(b"1"))
        assert begun.wait(10)
        keeper.breaker.open(TimeoutError())
        second = pool.submit(keeper.keep, make_callback(b"2"))
        for _ in range(3):
            wait_until(lambda: keeper.committer.waiting)
            keeper.committer.cancel_waiting()
        release.set()
        assert (first.result(10), second.result(10)) == (None, None)

    assert len(stored(database)) == 2


def wait_until(condition):
    deadline = monotonic() + 10
    while not condition():
        assert monotonic() < deadline
        sleep(0.001)


def test_nothing_is_acknowledged_when_neither_takes_it(keeper, database, tmp_path):
    (tmp_path / "spool").touch()
    with without_table(database), pytest.raises(NotKeptError):
        keeper.keep(make_callback(b"1"))

    assert stored(database) == []


def test_connection_that_remembers_a_read_only_server_is_not_used_again(keeper, database, engine):
    read_only = {
        "sqlite": "PRAGMA query_only = ON",
        "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "mysql": "SET SESSION TRANSACTION READ ONLY",
    }
    with database.write_engine.connect() as connection:
        connection.exec_driver_sql(read_only[engine.name])
        connection.commit()

    keeper.keep(make_callback(b"1"))

    wait_until_drained(keeper.spool)
    assert len(stored(database)) == 1


def test_failures_that_nothing_follows_are_the_database_and_set_nothing_aside(keeper, database):
    keeper.drainer.close()
    for number in range(60):
        keeper.spool.append(make_callback(b"%d" % number, seconds=number))
    real = keeper.committer.store

    def store_until_the_disk_is_full(callbacks):
        if any(int(callback.body or 0) >= 30 for callback in callbacks):
            raise OSError("disk full")
        real(callbacks)

    keeper.committer.store = store_until_the_disk_is_full
    with pytest.raises(OSError, match="disk full"):
        drain(keeper.spool, keeper.committer)

    assert len(keeper.spool.list_segments(SEGMENT)) == 1
    assert keeper.spool.list_segments(STUCK) == []
    keeper.committer.store = real
    drain(keeper.spool, keeper.committer)
    assert [int(row.body) for row in stored(database)] == list(range(60))
