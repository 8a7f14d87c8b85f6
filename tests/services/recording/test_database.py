"""The database of the recorder: what is committed is in the file that now has its name."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import psycopg
import pymysql
import pytest
import sqlalchemy as sa

from models.database.connection import BusyError, is_busy
from models.database.many import insert, replace
from models.tables import Delivery, EventMember, JournalMark
from services.journal.folder import list_stuck
from services.operating.migration import migrate
from services.recording.database import NotReadyError
from services.recording.following import follow as following
from tests.payloads import group_changed, group_created, group_destroyed
from tests.services.recording.conftest import callback_record

ENDINGS = ("", "-wal", "-shm")

READ = """
import sys
import sqlalchemy as sa
from models.database.engine import open_reader
engine = open_reader(sa.make_url(sys.argv[1]))
for _ in sys.stdin:
    with engine.connect() as connection:
        print(connection.exec_driver_sql("SELECT count(*) FROM deliveries").scalar(), flush=True)
"""


@pytest.fixture
def file(engine, database_url):
    """The file of the database."""
    if engine.name != "sqlite":
        pytest.skip("a matter of files")
    return Path(database_url.database)


@pytest.fixture
def ask(file):
    """Return how many deliveries a process sees that has the database open."""
    command = [sys.executable, "-c", READ, f"sqlite:///{file}"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def ask():
            process.stdin.write("\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield ask
        process.stdin.close()


def remove(file, *endings):
    for ending in endings:
        Path(f"{file}{ending}").unlink()


def test_file_that_was_removed_is_noticed_and_its_records_wait(
    write, recorder, rows, file, database_url
):
    write(callback_record(1))
    recorder.record_available()
    remove(file, *ENDINGS)
    write(callback_record(2))

    for _ in range(2):
        with pytest.raises(NotReadyError, match=f"{file} does not exist: run make migrate"):
            recorder.record_available()
    assert not file.exists()
    migrate(database_url)
    recorder.record_available()

    assert [row.id for row in rows(Delivery)] == [1, 2]


@pytest.mark.parametrize("removed", [ENDINGS, [""], ["", "-wal"]], ids=" ".join)
def test_file_that_was_replaced_gets_what_went_to_the_other(
    write, recorder, rows, ask, file, tmp_path, removed
):
    """Whatever files of the old one are left beside it."""
    copy = Path(shutil.copy(file, tmp_path / "copy.db"))
    write(*map(callback_record, range(5)))
    recorder.record_available()
    assert ask() == 5

    remove(file, *removed)
    copy.rename(file)
    write(callback_record(5))
    recorder.record_available()

    assert [row.id for row in rows(Delivery)] == [1, 2, 3, 4, 5, 6]
    assert ask() == 6


@pytest.mark.parametrize("removed", [["-wal"], ["-shm"], ["-wal", "-shm"]], ids=" ".join)
def test_what_belongs_to_the_file_may_be_removed(
    write, recorder, rows, ask, file, removed, journal
):
    write(*map(callback_record, range(5)))
    recorder.record_available()
    assert ask() == 5

    remove(file, *removed)
    shutil.rmtree(journal.folders[0] / "kept")  # nothing of it is needed
    write(callback_record(5))
    recorder.record_available()
    recorder.close()

    assert [row.id for row in rows(Delivery)] == [1, 2, 3, 4, 5, 6]
    assert ask() == 6


def test_commit_to_a_file_that_loses_its_name_meanwhile_does_not_count(recorder, file, tmp_path):
    recorder.database.is_new()

    copy = shutil.copy(file, tmp_path / "copy.db")
    with pytest.raises(NotReadyError, match="replaced while"), recorder.database.begin():
        os.rename(copy, file)
    with pytest.raises(NotReadyError, match="does not exist"), recorder.database.begin():
        file.unlink()


def test_reader_reads_the_file_that_has_the_name(write, recorder, file, read, tmp_path):
    copy = shutil.copy(file, tmp_path / "copy.db")
    write(callback_record(1))
    recorder.record_available()
    assert len(read("/deliveries")["items"]) == 1

    remove(file, "-wal", "-shm")
    os.rename(copy, file)
    assert read("/deliveries")["items"] == []
    recorder.record_available()
    assert len(read("/deliveries")["items"]) == 1
    remove(file, *ENDINGS)
    read("/deliveries", 503)
    assert not file.exists()


def test_lock_that_others_keep_is_waited_for(post, recorder, rows, journal, holding):
    post(group_destroyed())

    with pytest.raises(BusyError):
        recorder.record_available()
    assert list_stuck(journal.folders[0]) == []
    assert rows(Delivery) == []
    holding.invalidate()
    recorder.record_available()

    assert [row.id for row in rows(Delivery)] == [1]


def test_copy_that_waits_in_vain_tells_of_a_lock(post, recorder, holding, engine):
    if engine.name != "postgresql":
        pytest.skip("copies nothing")
    as_create_index_does = "LOCK TABLE deliveries IN SHARE MODE"
    holding.exec_driver_sql(f"COMMIT; BEGIN; {as_create_index_does}")
    post(group_destroyed())

    with pytest.raises(BusyError):
        recorder.record_batch()


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (psycopg.errors.LockNotAvailable(), True),
        (psycopg.errors.DeadlockDetected(), True),
        (psycopg.errors.SerializationFailure(), True),
        (psycopg.errors.DiskFull(), False),
        (pymysql.err.OperationalError(1205, "Lock wait timeout exceeded"), True),
        (pymysql.err.OperationalError(1213, "Deadlock found"), True),
        (pymysql.err.OperationalError(1114, "The table is full"), False),
        (sqlite3.OperationalError("database is locked"), True),
        (sqlite3.OperationalError("database or disk is full"), False),
    ],
    ids=repr,
)
def test_what_passes_by_itself_is_told_apart(cause, expected):
    assert is_busy(sa.exc.OperationalError("", {}, cause)) is expected


@pytest.fixture
def sent(recorder):
    """The first words of all statements that the recorder sent."""
    found = []

    @sa.event.listens_for(recorder.database.engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, *_):
        found.append(statement.split()[:3])

    return found


@pytest.fixture
def inserts(recorder, sent):
    """Count the statements that insert rows, as sent, or as counted by MariaDB."""

    def count():
        if recorder.database.engine.dialect.name != "mysql":
            return sum(words[0] == "INSERT" for words in sent)
        with recorder.database.begin() as connection:
            shown = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Com_insert%%'").all()
        return sum(int(number) for _, number in shown)

    return count


def test_batch_takes_few_statements_whatever_its_size(post, recorder, sent):
    groups = [f"g{number}" for number in range(20)]
    for group_id in groups:
        post(group_created(GroupId=group_id))
    recorder.record_available()
    taken = []
    for size in (1, 1, 1, 20):  # the first statements are for new names
        for group_id in groups[:size]:
            post(group_changed(GroupId=group_id, Notification=f"the {len(taken)}th"))
        before = len(sent)
        recorder.record_batch()
        taken.append(len(sent) - before)

    assert taken[-1] == taken[-2] <= 15


def test_text_that_a_column_has_no_room_for_is_refused_and_not_cut(recorder, engine):
    if engine.name == "sqlite":
        pytest.skip("has room for any")
    too_long = {"segment": "x" * 65, "recorded_bytes": 0}

    with pytest.raises(sa.exc.DataError), recorder.database.begin() as connection:
        insert(connection, JournalMark, [too_long], recorded_bytes=replace)


def test_large_group_takes_no_more_statements_than_a_small_one(
    post, recorder, rows, inserts, monkeypatch
):
    monkeypatch.setattr(following, "FEW_EVENTS", 0)  # a label for each member
    taken = []
    for members in (1, 1, 6000):  # the first batch needs some for its new names
        ids = [{"Member_Account": f"user{number}"} for number in range(members)]
        before = inserts()
        post(group_destroyed(GroupId=f"g{len(taken)}", MemberList=ids))
        recorder.record_available()
        taken.append(inserts() - before)

    assert taken[2] == taken[1] < 10
    assert len(rows(EventMember)) == 6002


def test_connection_that_was_cut_is_tried_once_more(write, recorder, rows, cut, journal, caplog):
    write(callback_record(1))
    recorder.record_available()
    cut()
    assert recorder.record_available() == 0
    write(callback_record(2))

    recorder.record_available()

    assert [row.id for row in rows(Delivery)] == [1, 2]
    assert list_stuck(journal.folders[0]) == []
    assert [one for one in caplog.records if one.exc_info or one.levelname == "ERROR"] == []
