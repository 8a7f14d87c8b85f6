"""Listing the journal, and showing its records."""

import json
from uuid import uuid4

import pytest

from services.journal.folder import list_waiting
from services.journal.records import read_records
from services.recording.aside import set_aside
from tests.conftest import APP
from tests.payloads import channel_created, group_created


@pytest.fixture
def read_waiting(journal):
    """Read the records of waiting segments."""

    def read():
        data = b"".join(file.path.read_bytes() for file in list_waiting(journal.folders[0]))
        return [record for record, _ in read_records(data, complete=True)]

    return read


@pytest.fixture
def tend(receiver):
    """Update the number of records in the names of segments."""
    (folder,) = receiver.extensions["receiver"].journal.folders

    return lambda: folder.thread.submit(folder.tend_segment).result()


def columns(line):
    return line.split()[:3]


def test_empty_journal_is_told(run_command, journal):
    done = run_command("journal")

    assert done.exit_code == 0
    assert done.stdout == f"{journal.folders[0]}: empty\n"


def test_files_are_listed_with_what_waits_in_them(run_command, post, tend, journal):
    post(group_created())
    post(channel_created())
    tend()

    folder, header, file = run_command("journal").stdout.splitlines()

    assert folder == f"{journal.folders[0]}:"
    assert columns(header) == ["state", "records", "waiting"]
    assert columns(file) == ["waiting", "2", "2"]
    assert file.endswith(".2.open")


def test_what_is_recorded_does_not_wait(run_command, post, tend, receiver):
    post(group_created())
    assert run_command("record", "--once").exit_code == 0
    tend()
    post(channel_created())
    tend()

    _, _, file, total = run_command("journal").stdout.splitlines()

    assert columns(file) == ["waiting", "2", "1"]
    assert total == "0 records waiting, 0 of them stuck."  # as the recorder has left it


def test_kept_stuck_and_damaged_files_are_listed(run_command, post, journal, read_waiting):
    folder = journal.folders[0]
    post(group_created())
    (record,) = read_waiting()
    set_aside([folder], record)
    (folder / "kept" / "0000000000000001-a.7.sealed").touch()
    (folder / "0000000000000001-a.12.damaged").write_bytes(b"???")

    lines = run_command("journal").stdout.splitlines()[2:]

    assert [line.split()[0] for line in lines] == ["kept", "waiting", "stuck", "damaged"]
    assert lines[0].endswith("  1970-01-01T00:00:00Z  kept/0000000000000001-a.7.sealed")
    assert lines[2].endswith(f"  {record.uuid.hex}.stuck")
    assert lines[3].endswith("  0000000000000001-a.12.damaged")


def test_records_are_listed_with_their_uuids(run_command, post, read_waiting):
    post(group_created())
    (record,) = read_waiting()

    *_, line = run_command("journal", "--records").stdout.splitlines()

    assert line.split()[:3] == [str(record.uuid), "2026-11-21T07:00:00Z", "callback"]


def test_record_is_shown_by_its_uuid(run_command, post, read_waiting):
    post(group_created(Name="Ünï\x1b[2J"))
    post(channel_created())
    record, _ = read_waiting()

    done = run_command("journal", str(record.uuid))

    shown = dict(line.split(None, 1) for line in done.stdout.split("\n\n")[0].splitlines())
    assert shown["uuid"] == str(record.uuid)
    assert "Sign=REDACTED&" in shown["query_string"]
    assert shown["kind"] == "callback"
    assert shown["received_at"] == "2026-11-21T07:00:00.123456Z"
    assert shown["sdk_app_id"] == APP
    assert shown["body"] == f"{len(record.body)} bytes"
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("body", [b"\x00\xff\r\nnot JSON", b"", json.dumps({"ü": 1}).encode()])
def test_body_is_written_byte_for_byte(run_command, post, read_waiting, body):
    post(data=body)
    (record,) = read_waiting()

    assert run_command("journal", str(record.uuid), "--body").stdout_bytes == body


def test_record_that_is_not_there_is_told(run_command):
    uuid = uuid4()

    done = run_command("journal", str(uuid))

    assert done.exit_code == 1
    assert done.stderr == f"Error: the journal has no record {uuid}\n"


@pytest.mark.parametrize("arguments", [["nonsense"], ["--body"]])
def test_wrong_argument_is_refused(run_command, arguments):
    assert run_command("journal", *arguments).exit_code == 2
