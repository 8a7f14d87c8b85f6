"""Column types: what goes in comes out, on every engine."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import StatementError

from models.database.engine import connect_to_migrate, open_reader, open_writer
from models.database.many import insert, is_among
from models.tables import LostCallback, QuarantinedRequest
from models.text import escape_text, unescape_text
from models.vocabulary import Refusal

any_text = st.text(st.characters(exclude_categories=[])) | st.text("␛0124bd\0\ud800")


@given(any_text)
def test_escaped_text_comes_back(text):
    assert unescape_text(escape_text(text)) == text


@given(any_text, any_text)
def test_two_texts_never_meet(one, other):
    assert (escape_text(one) == escape_text(other)) == (one == other)


@given(any_text)
def test_escaped_text_can_be_stored(text):
    assert "\0" not in escape_text(text)
    escape_text(text).encode()


def keep(engine, **columns):
    """Store a row; return it as it is read back."""
    defaults = {"id": 1, "uuid": UUID(int=1), "reason": Refusal.APP_MISSING, "sender": ""}
    sent = {"query_string": "", "peer": "", "body": b""}
    at = {"received_at": datetime(2026, 1, 1, tzinfo=UTC)}
    with engine.begin() as connection:
        connection.execute(sa.insert(QuarantinedRequest), defaults | sent | at | columns)
    with engine.connect() as connection:
        return connection.execute(sa.select(QuarantinedRequest)).one()


@pytest.fixture
def writer(database_url):
    engine = open_writer(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def reader(database_url):
    engine = open_reader(database_url)
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    "instant",
    [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2026, 11, 21, 7, 0, 0, 1, tzinfo=UTC),
        datetime(2026, 11, 21, 7, 0, tzinfo=timezone(timedelta(hours=8))),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ],
    ids=str,
)
def test_instant_keeps_its_microsecond(writer, instant):
    kept = keep(writer, received_at=instant).received_at

    assert kept == instant
    assert kept.utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", ["a ", "\0", "␛", "\ud800"])
def test_text_is_found_among_many(writer, text):
    keep(writer, peer=text)

    with writer.connect() as connection:
        is_found = is_among(connection, QuarantinedRequest.peer, [text, "other"])
        assert connection.scalars(sa.select(QuarantinedRequest.id).where(is_found)).all() == [1]


def test_naive_time_is_refused(writer):
    with pytest.raises(StatementError, match="naive"):
        keep(writer, received_at=datetime(2026, 1, 1))


def test_value_that_cannot_be_sent_is_a_fault_of_the_statement(writer):
    too_late = datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))
    row = {"uuid": UUID(int=1), "received_at": too_late, "sdk_app_id": ""}

    with pytest.raises(StatementError), writer.begin() as connection:
        insert(connection, LostCallback, [row])


@pytest.mark.parametrize("body", [b"\0\xff\r\n", bytes(range(256)) * 1024], ids=len)
def test_bytes_are_kept_exactly(writer, body):
    assert keep(writer, body=body).body == body


def test_every_text_on_mariadb_compares_exactly(reader, engine):
    if engine.name != "mysql":
        pytest.skip("a property of MariaDB and MySQL")
    query = (
        "SELECT DISTINCT collation_name FROM information_schema.columns WHERE table_schema ="
        " DATABASE() AND table_name <> 'alembic_version' AND collation_name IS NOT NULL"
    )

    with reader.connect() as connection:
        (collation,) = connection.scalars(sa.text(query)).all()
    assert collation in ("utf8mb4_nopad_bin", "utf8mb4_0900_bin")  # MariaDB, MySQL


SETTINGS = {
    "sqlite": ["PRAGMA busy_timeout"],
    "postgresql": ["SHOW lock_timeout", "SHOW TimeZone"],
    "mysql": [
        "SELECT @@innodb_lock_wait_timeout",
        "SELECT @@time_zone",
        "SELECT FIND_IN_SET('STRICT_ALL_TABLES', @@sql_mode) > 0",
        "SELECT @@collation_connection LIKE 'utf8mb4%%'",
    ],
}
EXPECTED = {
    "sqlite": ["1500"],
    "postgresql": ["1500ms", "UTC"],
    "mysql": ["2", "+00:00", "1", "1"],
}


@pytest.mark.parametrize("role", ["writer", "reader"])
def test_every_connection_is_set_up(request, engine, role):
    with request.getfixturevalue(role).connect() as connection:
        found = [connection.exec_driver_sql(query).scalar() for query in SETTINGS[engine.name]]
        isolation = connection.get_isolation_level()

    assert [str(value) for value in found] == EXPECTED[engine.name]
    of_server = "READ COMMITTED" if role == "writer" else "REPEATABLE READ"
    assert isolation == ("SERIALIZABLE" if engine.name == "sqlite" else of_server)


DURABILITY = {
    "sqlite": ("PRAGMA journal_mode = DELETE", "PRAGMA synchronous", "2"),
    "postgresql": (
        "ALTER DATABASE {0} SET synchronous_commit = off",
        "SHOW synchronous_commit",
        "on",
    ),
}


def test_commit_waits_for_the_disk_even_where_the_default_is_not_to(database_url, engine):
    if engine.name not in DURABILITY:
        pytest.skip("a matter of the whole server: innodb_flush_log_at_trx_commit")
    weaken, ask, expected = DURABILITY[engine.name]
    weakening = sa.create_engine(database_url, isolation_level="AUTOCOMMIT")
    with weakening.connect() as connection:
        connection.exec_driver_sql(weaken.format(database_url.database))
    writing = open_writer(database_url)

    with writing.connect() as connection:
        assert str(connection.exec_driver_sql(ask).scalar()) == expected
        if engine.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    weakening.dispose()
    writing.dispose()


def test_failed_statement_does_not_print_what_it_carried(reader):
    with pytest.raises(sa.exc.DBAPIError) as error:
        keep(reader, query_string="a secret")

    assert "a secret" not in str(error.value)


def test_folder_of_a_new_sqlite_file_is_made(tmp_path):
    url = sa.make_url(f"sqlite:///{tmp_path}/a/b/audit.db")

    with connect_to_migrate(url) as connection:
        assert connection.scalar(sa.text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(sa.text("PRAGMA synchronous")) == 2


def test_mysql_is_always_spoken_to_in_four_byte_utf8():
    url = sa.make_url("mysql+pymysql://root@127.0.0.1/x?charset=utf8")

    for engine in (open_writer(url), open_reader(url)):
        assert engine.url.query["charset"] == "utf8mb4"
