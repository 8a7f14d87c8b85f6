"""The documented ways to read with SQL: everything can be read, and nothing else is possible."""

import re
import sqlite3
from contextlib import closing

import psycopg
import pymysql
import pytest
import sqlalchemy as sa

from tests.engines import list_tables
from tests.payloads import channel_created
from tests.sql.readers import DOCUMENT, PASSWORD, READER, Mariadb, Postgresql, ask, connect

WRITES = (
    "INSERT INTO {table} ({column}) SELECT {column} FROM {table}",
    "UPDATE {table} SET {column} = {column}",
    "DELETE FROM {table}",
)
TABLE_WRITES = (*WRITES, "TRUNCATE TABLE {table}", "DROP TABLE {table}")
MAKING = (
    "CREATE TABLE mine (id int)",
    "CREATE TEMPORARY TABLE mine (id int)",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE DATABASE mine",
)
LACKS_PRIVILEGE = ("42501", 1044, 1142, 1143)


def code_of(error):
    return error.args[0] if isinstance(error, pymysql.err.Error) else error.sqlstate


@pytest.fixture
def server(engine, database_url):
    """A server that was prepared as documented, twice."""
    if engine.name == "sqlite":
        pytest.skip("has no users")
    with connect(database_url) as admin:
        server = {"postgresql": Postgresql, "mysql": Mariadb}[engine.name](admin)
        try:
            server.run_script()
            server.run_script()
            yield server
        finally:
            server.undo()


@pytest.fixture
def reader(server, database_url):
    """A connection of the reader."""
    with connect(database_url.set(username=READER, password=PASSWORD)) as connection:
        yield connection


def test_reader_sees_every_table_and_view(reader, deliver, connection):
    deliver(channel_created())
    inspector = sa.inspect(connection)

    for name in list_tables(connection) + inspector.get_view_names():
        query = f"SELECT COUNT(*) FROM {name}"
        assert ask(reader, query) == connection.execute(sa.text(query)).all()
    assert len(ask(reader, "SELECT * FROM channel_history")) == 1
    assert ask(reader, "EXPLAIN SELECT * FROM channel_history")


def test_reader_sees_every_column_but_query_strings(reader, deliver, connection):
    deliver(channel_created())
    deliver(channel_created(), query={"Sign": "0" * 64})

    inspector = sa.inspect(connection)
    for table in ("deliveries", "quarantined_requests"):
        columns = {column["name"] for column in inspector.get_columns(table)} - {"query_string"}
        assert len(ask(reader, f"SELECT {', '.join(columns)} FROM {table}")) == 1
        for secret in ("query_string", "*"):
            with pytest.raises((psycopg.Error, pymysql.err.Error)) as refusal:
                ask(reader, f"SELECT {secret} FROM {table}")
            assert code_of(refusal.value) in LACKS_PRIVILEGE
    assert len(ask(reader, "SELECT * FROM callback_problems")) == 1


def test_reader_sees_what_later_migrations_make(engine, server, reader):
    if engine.name == "mysql":
        pytest.skip("has the script run again")
    server.migrate("CREATE TABLE later (id int)")
    server.migrate("CREATE VIEW later_still AS SELECT id FROM later")

    assert ask(reader, "SELECT * FROM later", "SELECT * FROM later_still") == []


def test_reader_sees_times_in_utc(deliver, reader, engine):
    deliver(channel_created())

    ((shown,),) = ask(reader, "SELECT CAST(occurred_at AS CHAR(40)) FROM channel_history")
    zone = "+00" if engine.name == "postgresql" else "000"
    assert shown.strip() == f"2022-12-09 08:26:54.123{zone}"


def test_reader_can_do_nothing_else(reader, connection, engine):
    inspector = sa.inspect(connection)
    tables = inspector.get_table_names()
    # The database itself refuses writes to the other views, from any user.
    attempts = [(table, TABLE_WRITES) for table in tables]
    attempts += [(view, WRITES) for view in ("channel_history", "group_history")]
    if engine.name == "postgresql":
        ask(reader, "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")

    for table, writes in [*attempts, (tables[0], MAKING)]:
        column = inspector.get_columns(table)[0]["name"]
        for write in writes:
            statement = write.format(table=table, column=column)
            with pytest.raises((psycopg.Error, pymysql.err.Error)) as refusal:
                ask(reader, statement)
            assert code_of(refusal.value) in LACKS_PRIVILEGE, statement


def test_reader_is_not_let_in_to_a_database_of_a_similar_name(server, reader, engine):
    if engine.name != "mysql":
        pytest.skip("grants by name, not by pattern")
    ((database,),) = ask(reader, "SELECT DATABASE()")
    similar = database.replace("_", "x", 1)
    server.migrate(f"CREATE DATABASE {similar}")

    found = ask(reader, "SHOW DATABASES")

    server.migrate(f"DROP DATABASE {similar}")
    assert (database,) in found
    assert (similar,) not in found


LIMITS = {
    "postgresql": [
        ("SHOW default_transaction_read_only", "on"),
        ("SHOW statement_timeout", "1min"),
        ("SHOW idle_in_transaction_session_timeout", "1min"),
        ("SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user", 10),
    ],
    "mysql": [("SELECT @@max_statement_time", 60.0), ("SELECT @@max_user_connections", 10)],
}


def test_reader_holds_nobody_up_for_long(reader, engine):
    for query, limit in LIMITS[engine.name]:
        assert ask(reader, query) == [(limit,)]


@pytest.mark.parametrize("password", [None, ""])
def test_nobody_is_made_without_a_password(engine, database_url, password):
    if engine.name != "mysql":
        pytest.skip("psql leaves a variable that is not set as it stands, which is no SQL")
    with connect(database_url) as admin:
        with pytest.raises(pymysql.err.ProgrammingError, match="syntax"):
            Mariadb(admin).run_script(password)

        assert ask(admin, f"SELECT user FROM mysql.user WHERE user = '{READER}'") == []


def test_sqlite_file_can_be_opened_for_reading_only(deliver, engine, database_url):
    if engine.name != "sqlite":
        pytest.skip("these have users")
    deliver(channel_created())
    (address,) = re.findall(r"'(file:.*?)'", DOCUMENT)

    address = address.replace("var/audit.db", database_url.database)
    with closing(sqlite3.connect(address, uri=True)) as connection:
        assert len(ask(connection, "SELECT * FROM channel_history")) == 1
        for write in ("DELETE FROM deliveries", *MAKING[:1]):
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                ask(connection, write)
