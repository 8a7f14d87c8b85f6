"""Reading connections: they cannot write, and see one state of the database."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from models.database.connection import is_timeout
from models.database.engine import open_reader, open_writer
from models.tables import Ledger

WRITES = (
    "INSERT INTO ledger SELECT * FROM ledger",
    "UPDATE ledger SET id = id",
    "DELETE FROM ledger",
    "DROP TABLE ledger",
    "DROP VIEW channel_history",
    "CREATE TABLE mine (id int)",
    "CREATE VIEW mine AS SELECT 1",
)
# How the database refuses, by driver: a read-only transaction, or connection.
REFUSALS = {"sqlite": "readonly database", "postgresql": "read-only", "mysql": "READ ONLY"}


@pytest.fixture
def reader(database_url):
    engine = open_reader(database_url)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("write", WRITES)
def test_reader_cannot_write(reader, write):
    with (
        reader.connect() as connection,
        pytest.raises(DBAPIError, match=REFUSALS[reader.dialect.name]),
    ):
        connection.execute(sa.text(write))

    with reader.connect() as connection:
        connection.execute(sa.text("SELECT 1"))
        with pytest.raises(DBAPIError):
            connection.execute(sa.text(write))


def test_reader_sees_one_state_until_its_transaction_ends(reader, database_url):
    count = sa.select(sa.func.count()).select_from(Ledger)
    writer = open_writer(database_url)

    with reader.connect() as connection:
        before = connection.scalar(count)
        with writer.begin() as writing:
            columns = [column for column in Ledger.__table__.columns if column.key != "id"]
            row = sa.select(sa.literal(77), *columns)
            writing.execute(sa.insert(Ledger).from_select(["id", *columns], row))
        during = connection.scalar(count)
        connection.rollback()
        after = connection.scalar(count)
    writer.dispose()

    assert (during, after) == (before, before + 1)


COUNT_UP = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
COLUMNS = "information_schema.columns"
SLOW = {
    "sqlite": COUNT_UP,
    "postgresql": "SELECT pg_sleep(60)",
    "mysql": f"SELECT count(*) FROM {COLUMNS} a, {COLUMNS} b, {COLUMNS} c",
}


def test_statement_that_takes_too_long_is_cut_off(database_url):
    engine = open_reader(database_url, statement_timeout=timedelta(milliseconds=200))

    for _ in range(2):
        with engine.connect() as connection:
            with pytest.raises(DBAPIError) as error:
                connection.execute(sa.text(SLOW[engine.dialect.name])).all()
            assert is_timeout(error.value)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
        with pytest.raises(DBAPIError) as error:
            connection.execute(sa.text("SELECT nothing"))
        assert not is_timeout(error.value)
    engine.dispose()


def test_writer_waits_for_another_for_so_long(database_url):
    first = open_writer(database_url)
    second = open_writer(database_url, lock_wait=timedelta(milliseconds=100))
    lock = sa.select(Ledger.id).with_for_update()

    with first.begin() as holding:
        holding.execute(lock)
        with pytest.raises(SQLAlchemyError), second.begin() as waiting:
            waiting.execute(lock)
    with second.begin() as waiting:
        assert waiting.execute(lock).one() == (1,)
    for engine in (first, second):
        engine.dispose()


IDLE = {
    "postgresql": ("SHOW idle_in_transaction_session_timeout", "10s"),
    "mysql": ("SELECT @@idle_transaction_timeout", 10),
}


def test_server_ends_the_transaction_of_a_writer_that_freezes(database_url, engine):
    if engine.name not in IDLE:
        pytest.skip("a frozen process holds SQLite's lock until it is killed")
    query, expected = IDLE[engine.name]
    writer = open_writer(database_url)

    with writer.connect() as connection:
        if engine.name == "mysql" and not connection.dialect.is_mariadb:
            pytest.skip("MySQL has no such limit")
        assert connection.exec_driver_sql(query).scalar() == expected
    writer.dispose()


@pytest.mark.parametrize("open_engine", [open_writer, open_reader])
def test_statement_that_needs_a_whole_table_is_not_compiled_and_keeps_to_one_process(
    database_url, engine, open_engine
):
    """To a writer, such a statement seems expensive enough for that."""
    if engine.name != "postgresql":
        pytest.skip("the others compile none, and have no workers")
    opened = open_engine(database_url)
    with opened.connect() as connection:
        for name in ("jit_above_cost", "parallel_setup_cost", "min_parallel_table_scan_size"):
            connection.exec_driver_sql(f"SET {name} = 0")
        statement = "EXPLAIN SELECT 1 FROM deliveries WHERE upper(peer) = 'X'"
        lines = connection.exec_driver_sql(statement).scalars().all()
    opened.dispose()

    assert not any("JIT" in line or "Workers" in line for line in lines)


def test_pool_whose_connections_were_cut_is_as_good_as_new(app, read, cut):
    runtime = app.extensions["runtime"]
    for number in range(1, 4):
        connections = [runtime.engine.connect() for _ in range(number)]
        for connection in connections:
            connection.execute(sa.text("SELECT 1"))
            connection.close()
        cut()
        for _ in range(3):
            assert read("/history")["items"] == []
            with runtime.connect() as connection:
                assert connection.scalar(sa.select(Ledger.id)) == 1
