"""Keep a recorder at work beside a server that runs everything on one port."""

import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread

from services.journal.turn import is_recorder_running

RETRY_SECONDS = 1.0
RECORD = (sys.executable, Path(__file__).parents[2] / "lifecycle.py", "record", "--as-child")

log = logging.getLogger(__name__)


def keep_recorder(folders: Sequence[Path], stop: Event) -> Thread:
    """Start a recorder as a child process whenever none is running, until told to stop.

    Every process that serves the journal does this: a child exits at once if another recorder was
    faster. It also exits when this process is told to stop, or is gone and its end of the pipe
    closed.
    """

    def run() -> None:
        while not stop.is_set():
            if not is_recorder_running(folders):
                run_child(stop)
            stop.wait(RETRY_SECONDS)

    thread = Thread(target=run, name="recorder", daemon=True)
    thread.start()
    return thread


def run_child(stop: Event) -> None:
    """Run a recorder until it exits or has to stop."""
    try:
        child = subprocess.Popen(RECORD, stdin=subprocess.PIPE)  # noqa: S603
    except OSError as fault:
        log.warning("no recorder can be started: %s", fault)
        return
    with child:  # waits for its end after the pipe is closed
        while child.poll() is None and not stop.wait(RETRY_SECONDS):
            pass
