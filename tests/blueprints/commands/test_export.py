"""The history as a file, from the command line."""

import openpyxl
import pytest

from tests.conftest import KEY
from tests.payloads import SAMPLES


def test_command_writes_what_the_address_does(run_command, client, deliver, tmp_path):
    for body in SAMPLES:
        deliver(body)
    query = {"format": "csv", "action": ["created", "destroyed"]}
    answer = client.get("/export", query_string=query, headers={"Authorization": f"Bearer {KEY}"})
    file = tmp_path / "history.csv"

    options = ("--format", "csv", "--action", "created", "--action", "destroyed")
    done = run_command("export", *options, "-o", str(file))

    assert (done.exit_code, done.output) == (0, "")
    assert file.read_bytes() == answer.data


def test_workbook_goes_to_a_file_alone(run_command, deliver, tmp_path):
    for body in SAMPLES:
        deliver(body)
    file = tmp_path / "history.xlsx"

    refused = run_command("export", "--format", "xlsx")
    assert (refused.exit_code, "--output" in refused.output) == (2, True)
    assert run_command("export", "--format", "xlsx", "-o", str(file)).exit_code == 0
    assert openpyxl.load_workbook(file).sheetnames == ["events", "members"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--since", "yesterday"), "'--since': 'yesterday' is not a time with a zone, such as"),
        (("--format", "pdf"), "'--format': 'pdf' is not one of 'ndjson', 'csv', "),
        (("--action", "x"), "'--action': 'x' is not one of 'created', "),
        (("--sdk-app-id", "x"), "Error: --sdk-app-id: Must be a number.\n"),
        (("--verdict", "invalid"), "Error: --verdict: Only with --deliveries.\n"),
        (("--deliveries", "--owner", "x"), "Error: --owner: Not with --deliveries.\n"),
        (
            ("--since", "2026-01-31T08:00:00Z", "--until", "2026-01-31T08:00:00+08:00"),
            "Error: --since: Must not be later than until.\n",
        ),
    ],
)
def test_command_says_plainly_what_the_address_refuses(run_command, options, complaint):
    done = run_command("export", *options)

    assert done.exit_code == 2
    assert complaint in done.stderr


def test_help_names_the_words_an_option_takes(run_command):
    text = run_command("export", "--help").stdout

    assert "--order [desc|asc]" in text
    assert "--subject-type [channel|group]" in text
    assert "--since TIME" in text
    assert "`" not in text


def test_wrong_setting_is_named_in_one_line(run_command, monkeypatch):
    monkeypatch.setenv("DATABASE_READ_URL", "ftp://x")

    done = run_command("export")

    assert done.exit_code == 2
    assert "DATABASE_READ_URL" in done.stderr
    assert "Traceback" not in done.output


def test_database_that_fails_is_told_in_one_line(run_command, monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_READ_URL", f"sqlite:///{tmp_path}/empty.db")

    done = run_command("export")

    assert done.exit_code == 2
    assert "does not exist: run make migrate" in done.stderr
