"""Bringing the database to the newest revision."""

import subprocess
import sys
from contextlib import closing
from threading import Event, Thread

import pytest

from models.database.engine import PATIENCE, open_reader
from models.database.revision import fetch_revision, newest_revision
from services.operating.migration import migrate_until_done
from services.recording.database import RecorderDatabase
from tests.engines import ROOT, set_revision

MIGRATE = (sys.executable, "-m", "flask", "--app", "wsgi", "migrate")


def test_empty_database_is_migrated_and_nothing_else_is_said(engine, run_command, monkeypatch):
    with engine.empty() as url:
        monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
        for _ in range(2):
            done = subprocess.run(MIGRATE, capture_output=True, text=True, cwd=ROOT)

            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout == f"The database is at revision {newest_revision()}.\n"
        reader = open_reader(url)
        with reader.connect() as connection:
            assert fetch_revision(connection) == newest_revision()
        reader.dispose()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://nobody@127.0.0.1:1/none",
        "mysql+pymysql://nobody@127.0.0.1:1/none",
        "sqlite:////dev/null/audit.db",
    ],
)
def test_database_that_does_not_answer_is_told_in_a_line(run_command, monkeypatch, url):
    monkeypatch.setenv("DATABASE_URL", url)

    done = run_command("migrate")

    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith("lifecycle: DATABASE_URL can't be migrated: ")
    assert done.stderr.count("\n") == 1


def test_database_of_a_newer_release_is_left_as_it_is(run_command, database_url, caplog):
    set_revision(database_url, "9999")

    done = run_command("migrate")

    assert done.exit_code == 0
    assert done.stdout == "The database is at revision 9999.\n"
    assert "a newer release has migrated the database to revision 9999" in caplog.text


class StopMeanwhile(Event):
    """An event that is set once it has been asked."""

    def is_set(self):
        before = super().is_set()
        self.set()
        return before


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_recorder_that_waits_to_migrate_stops_when_it_is_told_to(database_url):
    waiting = Thread(target=migrate_until_done, args=[database_url, StopMeanwhile()])
    with closing(RecorderDatabase(database_url)) as database, database.begin():
        waiting.start()
        waiting.join(PATIENCE.total_seconds() / 2)

        assert not waiting.is_alive()


def test_wrong_url_is_told_without_its_password(run_command, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "oracle://user:secret@host/x")

    done = run_command("migrate")

    assert done.exit_code == 2
    assert done.stderr.startswith("lifecycle: DATABASE_URL=")
    assert "secret" not in done.stderr
