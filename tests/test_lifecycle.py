"""The command ``lifecycle``: its version, its completion, and its errors."""

import os
import shlex
import subprocess
import sys

import pytest

from config.release import VERSION
from tests.engines import ROOT
from tests.payloads import group_created

CLOSED = "OSError [Errno 9] Bad file descriptor"
FULL_DISK = "OSError [Errno 28] No space left on device"
UNREACHABLE = "postgresql+psycopg://nobody@127.0.0.1:1/none"


@pytest.fixture
def lifecycle(tmp_path):
    """Run the command in a folder of its own."""

    def run(*arguments, **environment):
        command = (sys.executable, ROOT / "lifecycle.py", *arguments)
        environment = {"PATH": os.environ["PATH"], **environment}
        return subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env=environment
        )

    return run


@pytest.fixture
def in_shell(lifecycle, tmp_path):
    """Run the command over a new database in a shell, with what is to become of its output."""
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": f"sqlite:///{tmp_path}/audit.db"}
    lifecycle("migrate", **environment)

    def run(arguments, rest):
        command = f"{shlex.join((sys.executable, str(ROOT / 'lifecycle.py')))} {arguments} {rest}"
        return subprocess.run(
            command, shell=True, capture_output=True, text=True, cwd=tmp_path, env=environment
        )

    return run


def test_version_is_that_of_the_project(lifecycle):
    assert lifecycle("--version").stdout == f"lifecycle {VERSION}\n"


def test_commands_and_options_are_completed(lifecycle):
    bash = {"_LIFECYCLE_COMPLETE": "bash_complete", "COMP_CWORD": "1"}

    assert lifecycle(COMP_WORDS="lifecycle rep", **bash).stdout == "plain,replay\n"


def test_near_miss_is_named(lifecycle):
    assert "Did you mean 'export'?" in lifecycle("exprot").stderr


@pytest.mark.parametrize("arguments", [("migrate",), ("export",), ("replay",)])
def test_database_that_does_not_answer_is_told_in_a_line(lifecycle, arguments):
    done = lifecycle(*arguments, DATABASE_URL=UNREACHABLE)

    assert done.returncode == 2
    assert done.stderr.startswith("lifecycle: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "--operator", ""),
        ("export", "--sdk-app-id="),
        ("doctor", "--url", ""),
        ("import", "--from-sql", "", "--query", "SELECT 1"),
    ],
    ids=" ".join,
)
def test_empty_option_as_of_a_variable_that_is_not_set_is_refused(lifecycle, arguments):
    done = lifecycle(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert f"Invalid value for '{arguments[1].strip('=')}': It is empty.\n" in done.stderr


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("nowhere/events", "Could not open file 'nowhere/events': No such file or directory"),
        ("/dev/full", FULL_DISK),
    ],
)
def test_file_that_cannot_be_written_is_told_in_a_line(lifecycle, tmp_path, file, reason):
    database = {"DATABASE_URL": f"sqlite:///{tmp_path}/audit.db"}
    lifecycle("migrate", **database)

    done = lifecycle("export", "-o", file, **database)

    assert (done.returncode, done.stderr) == (2, f"lifecycle: {reason}\n")


@pytest.mark.parametrize("arguments", ["journal", "export"])
def test_command_ends_without_a_word_where_nobody_reads_on(in_shell, arguments):
    assert in_shell(arguments, "| :").stderr == ""


@pytest.mark.parametrize("arguments", [("--help",), ("purge", "--help"), ("journal",)])
def test_output_that_meets_a_full_disk_is_told_in_a_line(tmp_path, arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            (sys.executable, ROOT / "lifecycle.py", *arguments),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"]},
        )

    assert (done.returncode, done.stderr) == (2, f"lifecycle: {FULL_DISK}\n")


@pytest.mark.parametrize("arguments", ["--help", "journal", "export"])
def test_output_that_is_closed_is_told_in_a_line(in_shell, arguments):
    done = in_shell(arguments, ">&-")

    assert (done.returncode, done.stderr) == (2, f"lifecycle: {CLOSED}\n")


def test_command_works_where_no_fault_can_be_told(in_shell):
    done = in_shell("export", "2>&-")

    assert (done.returncode, done.stdout) == (0, '{"complete":true,"count":0}\n')


def test_input_that_is_closed_is_told_in_a_line(in_shell):
    done = in_shell("import -", "<&-")

    assert done.returncode == 2
    assert done.stderr.startswith("lifecycle: the file is not complete: ")


def test_any_text_is_printed(deliver, lifecycle, database_url):
    deliver(group_created(**{"a\ud800": 1}))

    done = lifecycle("drift", DATABASE_URL=database_url.render_as_string(hide_password=False))

    assert (done.returncode, done.stderr) == (0, "")
    assert "  a\\ud800: a new field, integer" in done.stdout


def test_traceback_is_shown_to_those_who_ask(lifecycle):
    done = lifecycle("export", DATABASE_URL=UNREACHABLE, LIFECYCLE_DEBUG="1")

    assert done.returncode == 1
    assert "Traceback" in done.stderr
