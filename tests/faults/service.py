"""The service as its operator starts it: gunicorn, its workers, its spool."""

import http.client
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from socket import socket

import sqlalchemy as sa

from tests.conftest import APP, TOKEN
from tests.engines import ROOT
from tests.faults.processes import children, family, is_alive, send_signal, threads

START_SECONDS = 30
STOP_SECONDS = 30
LOG_CHARACTERS = 4000
BELOW_EPHEMERAL = range(20_000, 32_000)  # a port nobody gets by chance while the service is down


def free_port() -> int:
    while True:
        port = random.choice(BELOW_EPHEMERAL)
        with closing(socket()) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Service:
    """One service: a folder, a database, a spool, a port; it may be started more than once."""

    def __init__(self, folder: Path, database_url: sa.URL, spool: Path) -> None:
        self.folder = folder
        self.spool = spool
        self.port = free_port()
        self.log = folder / "service.log"
        self.process = None
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database_url.render_as_string(hide_password=False),
            "SDK_APPS": f"{APP}:{TOKEN}",
            "API_KEYS": "faults:a-key",
            "PORT": str(self.port),
            "SPOOL_DIR": str(spool),
        }

    def run(self, *module: str) -> subprocess.Popen:
        command = [sys.executable, "-m", *module]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start(self) -> None:
        self.process = self.run("gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app")
        give_up = time.monotonic() + START_SECONDS
        while not self.is_alive():
            assert self.process.poll() is None, "gunicorn did not start"
            assert time.monotonic() < give_up, "gunicorn does not answer"
            time.sleep(0.05)

    def is_alive(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        return False

    def stop(self) -> None:
        """Stop as an operator does; nothing is stored after this."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """Kill -9 of everything at once."""
        if self.process and self.process.poll() is None:
            everything = family(self.process.pid)
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            while any(map(is_alive, everything)):
                time.sleep(0.01)

    def show_log(self) -> None:
        """Print what pytest shows of a test that failed."""
        print(self.log.read_text()[-LOG_CHARACTERS:])

    def kill_a_worker(self) -> bool:
        """Kill -9 of one that serves: one that has only begun to start has nothing to lose."""
        serving = self.serving_workers()
        send_signal(random.sample(serving, min(1, len(serving))), signal.SIGKILL)
        return bool(serving)

    def reload(self) -> None:
        """Deploy: tell the master, and wait until none but new workers are there and serve."""
        old = self.serving_workers()
        self.process.send_signal(signal.SIGHUP)
        give_up = time.monotonic() + START_SECONDS
        while len(new := self.serving_workers()) < len(old) or set(new) & set(old):
            assert time.monotonic() < give_up, "no new workers"
            time.sleep(0.05)

    def serving_workers(self) -> list[int]:
        """Name the workers that have begun to serve: they have more than one thread."""
        return [worker for worker in children(self.process.pid) if threads(worker) > 1]

    def drain_by_hand(self) -> int:
        return self.run("flask", "--app", "wsgi", "drain").wait(STOP_SECONDS)

    def spooled_bytes(self) -> int:
        """Measure what waits in the spool."""
        total = 0
        for segment in self.segments():
            with suppress(FileNotFoundError):
                total += segment.stat().st_size
        return total

    def segments(self) -> list[Path]:
        """List the files whose callbacks are not all stored yet, refused ones included."""
        return [file for pattern in ("*.spool", "*.stuck") for file in self.spool.glob(pattern)]
