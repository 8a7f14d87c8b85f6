"""A database that served one test serves the next one as if it were new."""

import pytest


@pytest.fixture
def server(engine):
    if engine.name == "sqlite":
        pytest.skip("a file is copied for each test")
    return engine


def ask(server, url, statement):
    with server.connect(url) as connection:
        answer = connection.exec_driver_sql(statement)
        return answer.all() if answer.returns_rows else None


def test_rows_of_one_test_do_not_meet_the_next(server):
    with server.clone() as url:
        (before,) = ask(server, url, "SELECT next_event_id FROM ledger")
        ask(server, url, "UPDATE ledger SET next_event_id = 7")
        ask(server, url, "INSERT INTO journal_marks VALUES ('a', 1)")

    with server.clone() as again:
        assert again == url
        assert ask(server, again, "SELECT next_event_id FROM ledger") == [before]
        assert ask(server, again, "SELECT * FROM journal_marks") == []


def test_server_gathers_no_statistics_during_a_test(server):
    if server.name != "postgresql":
        pytest.skip("a matter of PostgreSQL")
    options = "SELECT reloptions FROM pg_class WHERE relname = 'deliveries_rest'"
    with server.clone() as url:
        assert ask(server, url, options) == [(["autovacuum_enabled=off"],)]


CHANGES = [
    "DROP TABLE journal_marks",
    "DROP VIEW channel_history",
    "CREATE TABLE mine (id int)",
    "CREATE INDEX mine ON ledger (next_event_id)",
    "ALTER TABLE ledger ADD COLUMN mine int",
]
OF_POSTGRESQL = ["ANALYZE", "ALTER DATABASE {0} SET TimeZone = 'Asia/Shanghai'"]


@pytest.mark.parametrize("statement", CHANGES + OF_POSTGRESQL)
def test_database_that_was_changed_serves_no_other_test(server, statement):
    if statement in OF_POSTGRESQL and server.name != "postgresql":
        pytest.skip("a matter of PostgreSQL")
    with server.clone() as url:
        ask(server, url, statement.format(url.database))

    with server.clone() as next_one:
        assert next_one != url
