"""Moving the journal into the tables."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from threading import Event

import pytest
import sqlalchemy as sa

from models.database.engine import open_reader, open_writer
from models.tables import Delivery, ServiceEvent
from services.journal.folder import list_kept, list_waiting, make_folder
from services.journal.records import Kind, Record, new_uuid, write_record
from services.journal.status import read_status
from services.recording import intake
from services.recording.intake import MAX_BATCH_RECORDS
from services.recording.loop import Loop
from tests.conftest import APP, NOW
from tests.engines import ROOT
from tests.payloads import channel_created, group_created

RECORD = (sys.executable, "-m", "flask", "--app", "wsgi", "record")
POISON = "Poison.Callback"
REFUSE_POISON = {
    "sqlite": "CREATE TRIGGER refuse BEFORE INSERT ON commands WHEN NEW.name = '{0}' "
    "BEGIN SELECT RAISE(ABORT, 'refused'); END",
    "postgresql": "ALTER TABLE commands ADD CONSTRAINT refuse CHECK (name <> '{0}')",
    "mysql": "ALTER TABLE commands ADD CONSTRAINT refuse CHECK (name <> '{0}')",
}
ON_SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@contextmanager
def running(*options):
    """Run a recorder in a separate process."""
    command = [*RECORD, *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stderr=pipe, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process, text):
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"the recorder ended without saying {text!r}")


def fetch(url, column):
    engine = open_reader(url)
    with engine.connect() as connection:
        found = connection.scalars(sa.select(column)).all()
    engine.dispose()
    return found


def await_deliveries(url, number):
    pause = Event()
    while len(fetch(url, Delivery.id)) < number:
        pause.wait(0.02)


def execute(url, statement):
    engine = open_writer(url)
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


def write_segment(folder, *bodies, number=0):
    """Write a segment as its writer would: callbacks minutes apart, segments hours apart."""
    make_folder(folder)
    head = {"sdk_app_id": APP, "peer": "", "query_string": ""}
    arrivals = (NOW + timedelta(hours=number, minutes=5 * one) for one in range(len(bodies)))
    data = b"".join(
        write_record(Record(Kind.CALLBACK, new_uuid(at), at, head, json.dumps(body).encode()))
        for at, body in zip(arrivals, bodies, strict=True)
    )
    (folder / f"{number:016}-{'0' * 16}.{len(bodies)}.sealed").write_bytes(data)


def test_once_records_all_that_waits(run_command, database_url, journal):
    write_segment(journal.folders[0], group_created(), channel_created())

    done = run_command("record", "--once")

    assert done.exit_code == 0, done.output
    assert done.stdout == "Recorded 2 records.\n"
    assert fetch(database_url, Delivery.id) == [1, 2]
    assert list_waiting(journal.folders[0]) == []
    assert [file.records for file in list_kept(journal.folders[0])] == [2]
    assert read_status(journal.folders).waiting == 0
    assert run_command("record", "--once").stdout == "Recorded 0 records.\n"


def test_once_tells_how_many_records_the_database_rejects(engine, post, run_command, database_url):
    execute(database_url, REFUSE_POISON[engine.name].format(POISON))
    post(group_created())
    post({"CallbackCommand": POISON})
    post(channel_created())

    done = run_command("record", "--once")

    assert done.exit_code == 1
    assert done.stderr.endswith("Error: the database rejects 1 record; list them with `journal`\n")
    assert fetch(database_url, Delivery.id) == [1, 2]
    assert "stuck" in run_command("journal").stdout


def test_database_that_does_not_answer_is_told_in_a_line(run_command, monkeypatch, post):
    post(group_created())
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/none")

    for option in ("--once", "--since=2026-01-01T00:00:00Z"):
        done = run_command("record", option)

        assert done.exit_code == 2
        assert done.stderr.splitlines()[-1].startswith("lifecycle: OperationalError ")


def test_database_that_is_not_there_is_told_and_not_made(run_command, monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'nothing.db'}")

    for option in ("--once", "--since=2026-01-01T00:00:00Z"):
        done = run_command("record", option)

        assert done.exit_code == 2
        assert done.stderr.endswith("does not exist: run make migrate\n")
    assert not (tmp_path / "nothing.db").exists()


@pytest.mark.parametrize("zone", ["Z", "+08:00"])
def test_since_records_the_kept_journal_again(engine, run_command, monkeypatch, journal, zone):
    write_segment(journal.folders[0], group_created(), channel_created())
    assert run_command("record", "--once").exit_code == 0
    since = NOW + timedelta(minutes=4) + timedelta(hours=8 if zone != "Z" else 0)
    with engine.clone() as other:
        monkeypatch.setenv("DATABASE_URL", other.render_as_string(hide_password=False))
        for _ in range(2):
            done = run_command("record", "--since", f"{since:%Y-%m-%dT%H:%M:%S}{zone}")

            assert done.exit_code == 0, done.output
            assert done.stdout.startswith("Read 1 record again and ")
            assert fetch(other, Delivery.command) == [channel_created()["CallbackCommand"]]


@pytest.mark.parametrize("since", ["2026-01-31", "yesterday", "2026-01-31T08:00:00"])
def test_since_without_a_zone_is_refused(run_command, since):
    done = run_command("record", "--since", since)

    assert done.exit_code == 2
    assert f"'{since}' is not a time with a zone, such as 2026-" in done.stderr


def test_recorder_that_is_told_to_end_leaves_a_backlog_to_the_next(recorder, journal):
    write_segment(journal.folders[0], *[{}] * (MAX_BATCH_RECORDS + 1))
    stop = Event()
    stop.set()

    Loop(recorder).run(stop)

    assert read_status(journal.folders).waiting == 1


@ON_SQLITE
@pytest.mark.parametrize("option", ["--once", "--since=2026-01-01T00:00:00Z"])
def test_backlog_is_recorded_in_order_though_few_segments_are_open_at_a_time(
    run_command, database_url, journal, monkeypatch, option
):
    monkeypatch.setattr(intake, "MAX_OPEN_SEGMENTS", 2)
    folder = journal.folders[0]
    for number in range(6):
        write_segment(folder, {"a": number}, {"b": number}, number=number)
        if option != "--once":
            (path,) = folder.glob("*.sealed")
            path.rename(folder / "kept" / path.name)

    done = run_command("record", option)

    assert done.exit_code == 0, done.output
    assert done.stdout.split()[1] == "12"
    arrivals = fetch(database_url, Delivery.received_at)
    assert len(arrivals) == 12
    assert arrivals == sorted(arrivals)
    assert list_waiting(folder) == []
    assert len(list_kept(folder)) == 6


def test_since_leaves_what_waits_to_the_recorder(run_command, database_url, journal):
    write_segment(journal.folders[0], group_created())

    assert run_command("record", "--since", "2026-01-01T00:00:00Z").exit_code == 0

    assert fetch(database_url, Delivery.id) == []


@ON_SQLITE
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_a_recorder(post, run_command, database_url, number):
    with running() as process:
        post(group_created())
        await_deliveries(database_url, 1)

        process.send_signal(number)

        assert process.wait(60) == 0
    kinds = fetch(database_url, ServiceEvent.kind)
    assert sorted(kinds) == ["recorder_started", "recorder_stopped"]


def test_once_beside_a_running_recorder_does_no_harm(recording, post, run_command, database_url):
    for number in range(20):
        post(group_created(GroupId=f"g{number}"))
        if number % 5 == 0:
            assert run_command("record", "--once").exit_code == 0
    await_deliveries(database_url, 20)

    assert sorted(fetch(database_url, Delivery.id)) == [*range(1, 21)]
    assert len({*fetch(database_url, Delivery.uuid)}) == 20


@ON_SQLITE
def test_second_recorder_waits_and_takes_over(post, run_command, database_url):
    with running() as first:
        post(group_created())
        await_deliveries(database_url, 1)
        with running() as second:
            wait_for(second, "another recorder is running")
            first.kill()
            post(channel_created())
            await_deliveries(database_url, 2)
            second.terminate()

            assert second.wait(60) == 0


@ON_SQLITE
def test_child_ends_while_another_recorder_is_running(post, run_command, database_url):
    with running():
        post(group_created())
        await_deliveries(database_url, 1)
        with running("--as-child") as child:
            assert child.wait(60) == 0


@ON_SQLITE
def test_child_ends_with_its_parent(post, run_command, database_url):
    with running("--as-child") as child:
        post(group_created())
        await_deliveries(database_url, 1)

        child.stdin.close()

        assert child.wait(60) == 0


@ON_SQLITE
def test_recorder_migrates_a_database_once_it_answers(
    engine, post, run_command, monkeypatch, tmp_path
):
    (tmp_path / "folder").touch()  # in place of the folder of the database
    file = tmp_path / "folder" / "audit.db"
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{file}")
    post(group_created())
    with running("--migrate") as process:
        wait_for(process, "can't be migrated")
        (tmp_path / "folder").unlink()
        os.mkdir(tmp_path / "folder")
        pause = Event()
        while (
            not file.exists()
            or "deliveries"
            not in sa.inspect(sa.create_engine(f"sqlite:///{file}")).get_table_names()
        ):
            pause.wait(0.05)
        await_deliveries(sa.make_url(f"sqlite:///{file}"), 1)
