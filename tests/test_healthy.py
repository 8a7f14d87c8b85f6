"""The check that tells a container runtime whether a process is at work."""

import sys
from datetime import timedelta

import pytest

from models.clock import utc_now
from services.journal.status import FRESH, JournalStatus, write_status
from tests.test_serving import (
    READER,
    RECEIVER,
    folder,  # noqa: F401 (a fixture)
    free_port,
    process,
    read_banner,
    run,
    wait_until,
)


def ask(role, folder, **settings):  # noqa: F811
    """Return the exit code of the check, which prints nothing."""
    done = run(sys.executable, "-m", "serving.healthy", role, folder=folder, **settings)
    assert done.stdout + done.stderr == ""
    return done.returncode


@pytest.mark.parametrize(("role", "module"), [("receiver", RECEIVER), ("reader", READER)])
def test_server_is_healthy_while_it_answers(folder, role, module):  # noqa: F811
    settings = {"PORT": str(free_port()), "READ_PORT": str(free_port()), "HOST": "0.0.0.0"}

    with process(*module, folder=folder, **settings) as server:
        read_banner(server, "http")
        assert wait_until(lambda: ask(role, folder, **settings) == 0)

    assert ask(role, folder, **settings) == 1


@pytest.mark.parametrize(("age", "code"), [(timedelta(), 0), (FRESH, 1)])
def test_recorder_is_healthy_while_it_reports(tmp_path, age, code):
    at = utc_now() - age
    write_status([tmp_path], JournalStatus(at, recorder_at=at))

    assert ask("recorder", tmp_path, JOURNAL_DIR=str(tmp_path)) == code


def test_recorder_that_has_never_reported_is_not_healthy(tmp_path):
    assert ask("recorder", tmp_path, JOURNAL_DIR=str(tmp_path)) == 1
