"""What goes in comes out, whatever the defaults of a server, a database or a role."""

from contextlib import contextmanager

import pytest

from app import create_reader
from config import ApiKey, ReaderSettings, RecorderSettings
from models.database.engine import open_reader, open_writer
from services.journal.folder import list_stuck
from services.operating.migration import migrate
from services.recording.recorder import Recorder
from tests.conftest import KEY
from tests.engines import program
from tests.faults.rig.servers import private_server
from tests.payloads import group_changed, group_created, group_destroyed

NAME = "群聊 \\'\"`|| %s :x 😀 \\" + "群" * 60  # so that the first 64 characters have more bytes
MEMBERS = [{"Member_Account": f"用户{number}"} for number in range(30)]

HOSTILE_POSTGRESQL = {
    "statement_timeout": "'50ms'",
    "lock_timeout": "'1ms'",
    "idle_session_timeout": "'100ms'",
    "exit_on_error": "on",
    "client_encoding": "latin1",
    "client_min_messages": "debug5",
    "DateStyle": "'German, DMY'",
    "IntervalStyle": "iso_8601",
    "TimeZone": "'Pacific/Chatham'",
    "timezone_abbreviations": "'India'",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "standard_conforming_strings": "off",
    "escape_string_warning": "off",
    "backslash_quote": "off",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "quote_all_identifiers": "on",
    "synchronize_seqscans": "on",
    "row_security": "off",
    "check_function_bodies": "off",
    "xmloption": "document",
    "xmlbinary": "hex",
    "default_text_search_config": "'pg_catalog.simple'",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "session_replication_role": "replica",
    "search_path": "nowhere, pg_catalog, information_schema",
    "plan_cache_mode": "force_generic_plan",
    "synchronous_commit": "off",
}
HOSTILE_MYSQL = {
    "sql_mode": "'ANSI,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,HIGH_NOT_PRECEDENCE,"
    "NO_UNSIGNED_SUBTRACTION,EMPTY_STRING_IS_NULL,TIME_ROUND_FRACTIONAL,NO_TABLE_OPTIONS'",
    "time_zone": "'+12:45'",
    "character_set_client": "latin1",
    "character_set_connection": "latin1",
    "character_set_results": "latin1",
    "character_set_server": "gbk",
    "character_set_filesystem": "latin1",
    "collation_connection": "latin1_german2_ci",
    "collation_server": "gbk_chinese_ci",
    "init_connect": "'SET NAMES latin1; SET sql_select_limit = 1'",
    "completion_type": "'RELEASE'",
    "autocommit": "1",
    "tx_isolation": "'SERIALIZABLE'",
    "sql_auto_is_null": "1",
    "sql_safe_updates": "1",
    "sql_select_limit": "1",
    "max_join_size": "1",
    "sql_big_selects": "0",
    "max_sort_length": "64",
    "max_length_for_sort_data": "4",
    "group_concat_max_len": "4",
    "div_precision_increment": "0",
    "default_week_format": "7",
    "lc_time_names": "'zh_CN'",
    "unique_checks": "0",
    "foreign_key_checks": "0",
    "check_constraint_checks": "0",
    "default_storage_engine": "MyISAM",
    "explicit_defaults_for_timestamp": "0",
    "old_mode": "'ZERO_DATE_TIME_CAST'",
    "sql_quote_show_create": "0",
    "sql_warnings": "1",
    "sql_notes": "0",
    "lock_wait_timeout": "1",
    "innodb_lock_wait_timeout": "1",
    "idle_write_transaction_timeout": "1",
    "max_statement_time": "0.001",
    "updatable_views_with_limit": "0",
    "in_predicate_conversion_threshold": "2",
    "alter_algorithm": "'INSTANT'",
}
# Settings without effect on our statements, or that the owner of the database decides.
LEFT = {
    *("client_min_messages", "timezone_abbreviations", "escape_string_warning", "xmloption"),
    *("xmlbinary", "synchronize_seqscans", "check_function_bodies", "default_text_search_config"),
    *("session_replication_role", "plan_cache_mode", "synchronous_commit"),
    *("character_set_server", "character_set_filesystem", "collation_server", "init_connect"),
    *("max_join_size", "max_length_for_sort_data", "default_week_format", "lc_time_names"),
    *("foreign_key_checks", "check_constraint_checks", "explicit_defaults_for_timestamp"),
    *("old_mode", "sql_quote_show_create", "sql_warnings", "sql_notes"),
    *("updatable_views_with_limit", "in_predicate_conversion_threshold"),
    "idle_write_transaction_timeout",
}
SHOW = {"postgresql": "SHOW {}", "mysql": "SELECT @@{}"}


@contextmanager
def hostile_postgresql(engine):
    with engine.empty() as url:
        for name, value in HOSTILE_POSTGRESQL.items():
            with engine.admin.connect() as connection:
                known = "SELECT count(*) FROM pg_settings WHERE name = %s"
                if connection.exec_driver_sql(known, (name,)).scalar():
                    engine.run(f"ALTER DATABASE {url.database} SET {name} = {value}")
        yield url


@contextmanager
def hostile_mysql(_):
    if program("mariadbd") is None:
        pytest.skip("settings of a whole server need a server of one's own")
    with private_server("mysql") as server:
        server.run("CREATE DATABASE hostile")
        with server.databases.admin.connect() as connection:
            for name, value in HOSTILE_MYSQL.items():
                connection.exec_driver_sql(f"SET GLOBAL {name} = {value}")
        server.databases.admin.dispose()
        yield server.url.set(database="hostile")


HOSTILE = {"postgresql": hostile_postgresql, "mysql": hostile_mysql}


@pytest.fixture
def hostile_url(engine):
    """A database without tables, on which every default is unexpected."""
    if engine.name not in HOSTILE:
        pytest.skip("has no such defaults")
    with HOSTILE[engine.name](engine) as url:
        yield url


def settings_of(engine):
    names = {"postgresql": HOSTILE_POSTGRESQL, "mysql": HOSTILE_MYSQL}[engine.dialect.name].keys()
    show = SHOW[engine.dialect.name]
    with engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(show.format(name)).scalar() for name in names - LEFT
        }
    engine.dispose()
    return found


def test_defaults_of_others_change_nothing(hostile_url, database_url, record_and_read):
    for open_engine in (open_writer, open_reader):
        assert settings_of(open_engine(hostile_url)) == settings_of(open_engine(database_url))

    record_and_read(hostile_url)


def test_database_without_an_encoding_keeps_utf8(engine, record_and_read):
    if engine.name != "postgresql":
        pytest.skip("a matter of PostgreSQL")
    with engine.empty("TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'") as url:
        record_and_read(url)


@pytest.fixture
def record_and_read(post, journal, clock):
    """Migrate a database, record callbacks in it, and read everything from it."""

    def record_and_read(url):
        group = {"GroupId": "@TGS#群\\", "Name": NAME}
        post(group_created(**group, EventTime=1_670_574_416_123))
        post(group_changed(GroupId=group["GroupId"], NewName="x", EventTime=1_670_574_417_123))
        post(group_destroyed(**group, MemberList=MEMBERS, EventTime=1_670_574_418_123))
        migrate(url)
        recorder = Recorder(RecorderSettings(url, journal), clock)
        recorder.record_available()
        recorder.close()
        assert list_stuck(journal.folders[0]) == []
        keys = (ApiKey("tests", KEY),)
        reader = create_reader(ReaderSettings(url, keys, journal_folders=journal.folders))
        read_all(reader.test_client(), group["GroupId"])
        reader.extensions["runtime"].close()

    return record_and_read


def read_all(client, group_id):
    def read(address, **query):
        headers = {"Authorization": f"Bearer {KEY}"}
        answer = client.get(address, query_string=query, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json

    assert read("/readyz")["database"]["reachable"]
    (event,) = read("/history", subject_id=group_id, member="用户7")["items"]
    assert event["name"] == NAME
    assert event["members"] == [member["Member_Account"] for member in MEMBERS]
    assert event["occurred_at"] == "2022-12-09T08:26:58.123Z"
    assert event["received_at"] == "2026-11-21T07:00:00.123456Z"
    assert len(read("/deliveries")["items"]) == 3
    assert len(read("/groups", name=NAME[:5])["items"]) == 1
    read("/drift")
