"""Migrations: a single line, up and down, in agreement with the models."""

import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from config import RecorderSettings
from models.clock import EPOCH, utc_now
from models.database.connection import NotReadyError
from models.database.engine import connect_to_migrate, open_writer
from models.database.revision import check_revision
from models.tables import Base, Ledger
from services.recording.recorder import Recorder
from tests.engines import ROOT, config_for, list_tables, migrate, set_revision


@pytest.fixture
def empty(engine):
    """A database without a table."""
    with engine.empty() as url, connect_to_migrate(url) as connection:
        yield connection


VIEWS = {
    "channels_now",
    "groups_now",
    "channel_history",
    "group_history",
    "members_at_end",
    "callback_problems",
}


def tables_and_views(connection):
    inspector = sa.inspect(connection)
    found = list_tables(connection), set(inspector.get_view_names())
    connection.commit()
    ours = {table for table in found[0] if not table.startswith(("alembic_", "label_grams"))}
    return ours, found[1]


def test_migrations_go_up_down_and_up_again(empty):
    config = config_for(empty)

    for _ in range(2):
        command.upgrade(config, "head")
        assert tables_and_views(empty) == (set(Base.metadata.tables), VIEWS)
        command.downgrade(config, "base")
        assert tables_and_views(empty) == (set(), set())


def test_clone_is_what_migrations_make(empty, database_url):
    command.upgrade(config_for(empty), "head")
    engine = open_writer(database_url)

    with engine.connect() as connection:
        assert tables_and_views(connection) == tables_and_views(empty)
        for view in VIEWS:  # of a copy, not of the template
            assert "lifecycle_test" not in sa.inspect(connection).get_view_definition(view)
    engine.dispose()


def test_models_and_migrations_agree(empty):
    config = config_for(empty)
    command.upgrade(config, "head")

    command.check(config)


def test_migrations_are_one_numbered_line(empty):
    revisions = list(ScriptDirectory.from_config(config_for(empty)).walk_revisions())[::-1]

    assert [r.revision for r in revisions] == [f"{n + 1:04}" for n in range(len(revisions))]
    for revision in revisions:
        assert revision.path.rpartition("/")[2].startswith(revision.revision)


def test_sqlite_knows_how_selective_every_index_of_a_large_table_is(empty):
    if empty.dialect.name != "sqlite":
        pytest.skip("the others find out by themselves")
    command.upgrade(config_for(empty), "head")

    known = empty.exec_driver_sql("SELECT tbl, idx, stat FROM sqlite_stat1").all()
    columns = "SELECT count(*) FROM pragma_index_info(one.name)"
    there = empty.exec_driver_sql(
        f"SELECT tbl_name, name, 1 + ({columns}) FROM sqlite_master AS one"
        " WHERE type = 'index' AND tbl_name IN (SELECT tbl FROM sqlite_stat1)"
    ).all()
    there.append(("event_members", "event_members", 3))  # which is an index by its key
    large = {"deliveries", "lifecycle_events", "event_members"}
    large |= {"labels", "quarantined_requests", "readings", "subjects"}
    assert {table for table, _, _ in known} == large
    # A number for the table, and one for each column.
    numbers = [(table, index, len(stat.split())) for table, index, stat in known]
    assert sorted(numbers) == sorted(there)


def test_ledger_begins_with_the_first_of_each_number(rows):
    assert [tuple(row) for row in rows(Ledger)] == [(1, 1, 1, 1, 1, 0, EPOCH, EPOCH)]


def alembic(*arguments, folder=ROOT, **environment):
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
    )


def test_command_needs_no_setting_but_the_database(engine):
    with engine.empty() as url:
        address = url.render_as_string(hide_password=False)

        for arguments in (("upgrade", "head"), ("check",), ("downgrade", "base")):
            done = alembic(*arguments, DATABASE_URL=address)
            assert done.returncode == 0, done.stderr


def test_command_says_in_one_line_what_is_wrong_with_the_database():
    done = alembic("upgrade", "head", DATABASE_URL="oracle://x:secret@y/z")

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("DATABASE_URL=")
    assert "secret" not in line


def test_command_says_in_one_line_that_no_database_answers():
    address = "postgresql+psycopg://nobody:secret@127.0.0.1:1/nothing"

    done = alembic("upgrade", "head", DATABASE_URL=address)

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("DATABASE_URL can't be migrated: ")
    assert "secret" not in line


def test_database_of_a_newer_release_is_left_as_it_is(database_url):
    set_revision(database_url, "9999")

    done = alembic("upgrade", "head", DATABASE_URL=database_url.render_as_string(False))

    assert done.returncode == 0
    assert done.stderr == "a newer release has migrated the database to revision 9999\n"


def test_revision_that_no_release_has_is_told_in_one_line(database_url):
    set_revision(database_url, "0000")

    done = alembic("upgrade", "head", DATABASE_URL=database_url.render_as_string(False))

    assert done.returncode == 1
    assert done.stderr.startswith("DATABASE_URL can't be migrated: ")
    assert "0000" in done.stderr
    assert done.stderr.count("\n") == 1


def test_many_migrate_an_empty_database_at_once(engine):
    with engine.empty() as url:
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
        environment["DATABASE_URL"] = url.render_as_string(hide_password=False)
        command = (sys.executable, "-m", "alembic", "upgrade", "head")
        quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        started = [subprocess.Popen(command, cwd=ROOT, env=environment, **quiet) for _ in range(8)]

        said = [process.communicate()[0] for process in started]

        assert ([process.returncode for process in started], said) == ([0] * 8, [""] * 8)


ENCODINGS = {
    "postgresql": ("the database", "LATIN1"),
    "mysql": ("lifecycle_events.operator", "utf8mb3"),
}


@contextmanager
def narrow(engine, encoding):
    if engine.name == "postgresql":
        with engine.empty(f"TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'") as url:
            yield url
    else:
        with engine.clone() as url:
            engine.run(
                f"ALTER TABLE {url.database}.lifecycle_events"
                f" MODIFY operator VARCHAR(255) CHARACTER SET {encoding}"
            )
            yield url


def test_encoding_that_has_not_every_character_is_refused_in_one_line(engine, journal):
    if engine.name not in ENCODINGS:
        pytest.skip("has every character")
    place, encoding = ENCODINGS[engine.name]
    with narrow(engine, encoding) as url:
        expected = f"{place} has the encoding {encoding}, which can't hold every character; "
        done = alembic("upgrade", "head", DATABASE_URL=url.render_as_string(hide_password=False))
        recorder = Recorder(RecorderSettings(url, journal), utc_now)
        with pytest.raises(NotReadyError, match=expected):
            recorder.record_available()
        recorder.close()

    assert done.returncode == 1
    assert done.stderr == f"DATABASE_URL can't be migrated: {expected}UTF8 and utf8mb4 can\n"


@pytest.mark.parametrize("default", ["gbk", "utf8mb3", "latin1"])
def test_default_encoding_of_a_mariadb_database_is_not_that_of_its_tables(engine, default):
    if engine.name != "mysql":
        pytest.skip("elsewhere it is")
    with engine.empty(f"CHARACTER SET {default}") as url:
        migrate(url)
        engine = open_writer(url)
        with engine.connect() as connection:
            check_revision(connection)
        engine.dispose()


def test_drafted_migration_names_none_of_our_types_and_works(tmp_path):
    (tmp_path / "migrations" / "versions").mkdir(parents=True)
    for file in ("pyproject.toml", "migrations/env.py", "migrations/script.py.mako"):
        shutil.copy(ROOT / file, tmp_path / file)
    commands = [("revision", "--autogenerate", "-m", "draft"), ("upgrade", "head"), ("check",)]

    for arguments in commands:
        done = alembic(*arguments, folder=tmp_path, DATABASE_URL="sqlite:///audit.db")
        assert done.returncode == 0, done.stderr

    (draft,) = (tmp_path / "migrations" / "versions").glob("*.py")
    assert "models" not in draft.read_text()
