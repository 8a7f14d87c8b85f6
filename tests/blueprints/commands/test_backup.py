"""A copy of the database, made while it is in use."""

import sqlite3
from contextlib import closing

import pytest

from models.tables import Delivery
from tests.faults.rig.disks import full, small_disk
from tests.payloads import group_created

ON_SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@ON_SQLITE
def test_backup_is_whole_private_and_of_one_moment(
    run_command, deliver, database_url, rows, tmp_path, recorder
):
    deliver(group_created())
    file = tmp_path / "copy.db"
    with recorder.database.begin():  # a recorder is at work
        done = run_command("backup", str(file))
    deliver(group_created(GroupId="later"))

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"{file}: {file.stat().st_size} bytes, whole.\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [*tmp_path.glob("copy.db*")] == [file]
    with closing(sqlite3.connect(file)) as copy:
        assert copy.execute("SELECT count(*) FROM deliveries").fetchall() == [(1,)]
    assert len(rows(Delivery)) == 2


@ON_SQLITE
def test_backup_overwrites_nothing(run_command, database_url, tmp_path):
    file = tmp_path / "copy.db"
    file.write_text("precious")

    done = run_command("backup", str(file))

    assert done.exit_code == 2
    assert done.stderr == f"lifecycle: {file} exists already; nothing was written\n"
    assert file.read_text() == "precious"


@ON_SQLITE
def test_damaged_database_makes_no_backup(run_command, deliver_all, database_url, tmp_path):
    deliver_all(group_created(GroupId=str(number)) for number in range(50))
    with closing(sqlite3.connect(database_url.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'uq_lifecycle_events_delivery_id'"
            " OR name = 'sqlite_autoindex_lifecycle_events_1'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with open(database_url.database, "r+b") as file:
        file.seek((page - 1) * size + size - 40)
        file.write(bytes(40))

    done = run_command("backup", str(tmp_path / "copy.db"))

    assert done.exit_code == 2
    assert done.stderr.startswith("lifecycle: the copy is damaged: ")
    assert not [*tmp_path.glob("copy.db*")]


@ON_SQLITE
def test_full_disk_is_told_in_a_line_and_keeps_nothing(run_command, database_url, tmp_path):
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", 1) as disk, full(disk):
        done = run_command("backup", str(disk / "copy.db"))
        left = [*disk.glob("copy.db*")]

    reason = "the copy can't be made: database or disk is full"
    assert (done.exit_code, done.stderr, left) == (2, f"lifecycle: {reason}\n", [])


@pytest.mark.parametrize(
    ("engine", "program"),
    [("postgresql", "pg_dump"), ("mysql", "mariadb-dump")],
    indirect=["engine"],
)
def test_server_is_left_to_its_own_program(run_command, database_url, tmp_path, program):
    done = run_command("backup", str(tmp_path / "copy"))

    assert done.exit_code == 2
    assert f": {program} " in done.stderr
    assert database_url.database in done.stderr
    assert not [*tmp_path.glob("copy*")]
