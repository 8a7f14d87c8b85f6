"""The service as its operator starts it: a receiver, a recorder, a journal."""

import http.client
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from socket import socket

import sqlalchemy as sa

from services.journal.folder import list_kept, list_stuck, list_waiting
from tests.conftest import APP, KEY, TOKEN
from tests.engines import ROOT
from tests.processes import children, family, is_alive, send_signal, threads

START_SECONDS = 30
STOP_SECONDS = 30
LOG_CHARACTERS = 6000
BELOW_EPHEMERAL = range(20_000, 32_000)  # not given to others while the service is down

RECEIVER = ("gunicorn", "-c", str(ROOT / "serving" / "receiver.py"), "wsgi:receiver")
RECORDER = ("flask", "--app", "wsgi", "record")


def free_port() -> int:
    while True:
        port = random.choice(BELOW_EPHEMERAL)
        with closing(socket()) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Service:
    """Receiver and recorder of one host; they may be started more than once.

    Attributes:
        folders: of the journal.
        interposed: additions to the environment of the receiver, and of the recorder.
    """

    def __init__(
        self,
        folder: Path,
        database_url: sa.URL,
        journal: Sequence[Path],
        *,
        settings: dict[str, str],
        interposed: tuple[dict[str, str], dict[str, str]] = ({}, {}),
    ) -> None:
        self.folder = folder
        self.folders = journal
        self.port = free_port()
        self.log = folder / "service.log"
        self.receiver = None
        self.recorders: list[subprocess.Popen] = []
        self.interposed = interposed
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database_url.render_as_string(hide_password=False),
            "SDK_APPS": f"{APP}:{TOKEN}",
            "API_KEYS": f"faults:{KEY}",
            "PORT": str(self.port),
            "JOURNAL_DIR": ":".join(map(str, journal)),
            "WEB_CONCURRENCY": "2",
            **settings,
        }

    def run(self, *module: str, interposed: dict[str, str]) -> subprocess.Popen:
        command = [sys.executable, "-m", *module]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment | interposed,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start(self) -> None:
        self.start_recorder()
        self.start_receiver()

    def start_recorder(self) -> subprocess.Popen:
        self.recorders.append(self.run(*RECORDER, interposed=self.interposed[1]))
        return self.recorders[-1]

    def start_receiver(self) -> None:
        self.receiver = self.run(*RECEIVER, interposed=self.interposed[0])
        give_up = time.monotonic() + START_SECONDS
        while not self.is_alive():
            assert self.receiver.poll() is None, "gunicorn did not start"
            assert time.monotonic() < give_up, "gunicorn does not answer"
            time.sleep(0.05)

    def is_alive(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        return False

    @property
    def recorder(self) -> subprocess.Popen:
        """The recorder that was started last."""
        return self.recorders[-1]

    def stop(self) -> None:
        """Stop as an operator does, the receiver first; nothing is stored after this."""
        for process in (self.receiver, *self.recorders):
            if process.poll() is None:
                process.terminate()
                process.wait(STOP_SECONDS)

    def stop_receiver(self) -> None:
        self.receiver.terminate()
        self.receiver.wait(STOP_SECONDS)

    def kill(self) -> None:
        """Kill everything at once with -9."""
        running = [one for one in (self.receiver, *self.recorders) if one and one.poll() is None]
        everything = [member for process in running for member in family(process.pid)]
        send_signal(everything, signal.SIGKILL)
        for process in running:
            process.wait()
        while any(map(is_alive, everything)):
            time.sleep(0.01)

    def kill_recorder(self) -> None:
        self.recorder.kill()
        self.recorder.wait()

    def show_log(self) -> None:
        """Print what pytest shows of a test that failed."""
        print(self.log.read_text()[-LOG_CHARACTERS:])

    def kill_a_worker(self) -> bool:
        """Kill a serving worker with -9: one that is still starting has nothing to lose."""
        serving = self.serving_workers()
        send_signal(random.sample(serving, min(1, len(serving))), signal.SIGKILL)
        return bool(serving)

    def reload(self) -> None:
        """Reload as in a deployment, and wait until only new workers are left and serve."""
        old = children(self.receiver.pid)
        self.receiver.send_signal(signal.SIGHUP)
        give_up = time.monotonic() + START_SECONDS
        while {*old} & {*children(self.receiver.pid)} or len(self.serving_workers()) < len(old):
            assert time.monotonic() < give_up, "no new workers"
            time.sleep(0.05)

    def serving_workers(self) -> list[int]:
        """List the workers that are serving: they have more than one thread."""
        return [worker for worker in children(self.receiver.pid) if threads(worker) > 1]

    def sizes(self) -> dict[str, int]:
        """Measure every segment, by its name."""
        while True:
            files = [file for folder in self.folders for file in list_waiting(folder)]
            files += [file for folder in self.folders for file in list_kept(folder)]
            with suppress(FileNotFoundError):  # it was renamed meanwhile: look again
                return {file.segment: file.path.stat().st_size for file in files}

    def stuck(self) -> list[Path]:
        """List the records that were set aside."""
        return [path for folder in self.folders for path in list_stuck(folder)]
