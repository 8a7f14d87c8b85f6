"""The lock that keeps writers of several processes apart on SQLite."""

import os
import stat
import subprocess
import sys

import pytest
import sqlalchemy as sa

from models.database.engine import connect_to_migrate, open_reader, open_writer
from models.database.sqlite import WriterLockError, lock_writers
from tests.engines import ROOT

HOLD = """
import sqlite3
import sys
from pathlib import Path
from models.database.sqlite import lock_writers
lock = lock_writers(Path(f"{sys.argv[1]}-lock"), 1)
connection = sqlite3.connect(sys.argv[1])
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def url(tmp_path):
    """A database that was opened before, as by its migration."""
    url = sa.make_url(f"sqlite:///{tmp_path}/audit.db")
    with connect_to_migrate(url):
        pass
    return url


@pytest.fixture
def other_process(url):
    """A process that holds our lock, then SQLite's own, until it is killed."""
    command = [sys.executable, "-c", HOLD, url.database]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_nobody_writes_while_another_process_does(url, other_process):
    engine = open_writer(url)

    with pytest.raises(WriterLockError, match="another process"), engine.begin():
        pass
    engine.dispose()


def test_a_killed_writer_lets_go(url, other_process):
    other_process.kill()
    other_process.wait()
    engine = open_writer(url)

    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
    engine.dispose()


def test_readers_need_no_lock(url, other_process):
    engine = open_reader(url)

    with engine.begin() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
    engine.dispose()


def test_nobody_writes_while_another_connection_of_the_process_does(url):
    first, second = open_writer(url), open_writer(url)

    with first.begin(), pytest.raises(WriterLockError, match="held by"), second.begin():
        pass
    with second.begin():
        pass
    first.dispose()
    second.dispose()


@pytest.mark.parametrize("ending", ["commit", "rollback", "failure"])
def test_lock_is_let_go_however_a_transaction_ends(url, ending):
    engine = open_writer(url)

    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS t (x)")
        if ending == "failure":
            with pytest.raises(sa.exc.OperationalError):
                connection.exec_driver_sql("SELECT nothing")
        else:
            getattr(connection, ending)()

    os.close(lock_writers(f"{url.database}-lock", 0))
    engine.dispose()


def test_one_connection_may_begin_twice(url):
    engine = open_writer(url)

    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
        connection.commit()
        assert connection.scalar(sa.text("SELECT count(*) FROM t")) == 0
    engine.dispose()


def test_folder_that_went_away_is_a_database_error(tmp_path):
    for _ in range(2):
        with pytest.raises(WriterLockError, match="No such file"):
            lock_writers(tmp_path / "gone" / "lock", 0)


MIGRATIONS = {
    "alembic": ("alembic", "upgrade", "head"),
    "flask": ("flask", "--app", "wsgi", "migrate"),
}


def modes_of(folder):
    return {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in folder.iterdir()}


@pytest.mark.parametrize("command", MIGRATIONS.values(), ids=MIGRATIONS)
@pytest.mark.parametrize("is_there", [False, True], ids=["made", "found"])
def test_files_are_for_their_owner_alone(tmp_path, command, is_there):
    file = tmp_path / "audit.db"
    if is_there:
        file.touch()
        file.chmod(0o644)
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{file}"}
    before = os.umask(0)
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, env=environment, check=True)
    engine = open_writer(sa.make_url(environment["DATABASE_URL"]))
    with engine.begin():
        modes = modes_of(tmp_path)
    engine.dispose()
    os.umask(before)

    names = ("audit.db", "audit.db-wal", "audit.db-shm", "audit.db-lock", "audit.db-lock-turn")
    assert modes == dict.fromkeys(names, "0o600")
