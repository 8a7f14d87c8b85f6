"""Start a contender on a database of its own, and stop it."""

import http.client
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.client import APP, SIGN_TOLERANCE_SECONDS, TOKEN
from bench.contenders import Contender, Part
from bench.databases import Database, Engine
from bench.machine import cpu_seconds, private_mb

API_KEY = "benchmark-api-key"
START_SECONDS = 30
STOP_SECONDS = 40  # longer than any graceful timeout
POLL_SECONDS = 0.005
IDLE_SECONDS = 0.5


def free_port() -> int:
    """Find a port that is not in use."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Service:
    """A contender at work.

    Attributes:
        folder: for its journal or spool, and for its logs.
        running: its processes, each with its children.
    """

    contender: Contender
    database: Database
    folder: Path
    port: int = field(default_factory=free_port)
    read_port: int = field(default_factory=free_port)
    running: dict[Part, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The settings of all contenders; each uses those that it knows."""
        return {
            **os.environ,
            "PYTHONPATH": str(self.contender.root),
            "DATABASE_URL": self.database.url.render_as_string(hide_password=False),
            "JOURNAL_DIR": str(self.folder / "journal"),
            "READING_JOURNAL_DIR": str(self.folder / "readings"),
            "SPOOL_DIR": str(self.folder / "spool"),
            "SDK_APPS": f"{APP}:{TOKEN}",
            "API_KEYS": f"bench:{API_KEY}",
            "SIGN_TOLERANCE_SECONDS": str(SIGN_TOLERANCE_SECONDS),
            "PORT": str(self.port),
            "READ_PORT": str(self.read_port),
        }

    def migrate(self) -> None:
        """Make the tables."""
        command, root = self.contender.migrate, self.contender.root
        with self.log("migrate").open("wb") as log:
            subprocess.run(
                command, cwd=root, env=self.environment, stdout=log, stderr=log, check=True
            )

    def start(self, part: Part) -> None:
        """Start a part, if the contender has it, with its output in a file."""
        if part not in self.contender.commands:
            return
        command = [word.format(port=self.port) for word in self.contender.commands[part]]
        with self.log(part).open("ab") as log:
            self.running[part] = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )

    def stop(self, part: Part) -> None:
        """Let a part finish, within a time limit."""
        if process := self.running.pop(part, None):
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()

    def await_answer(self, part: Part, port: int) -> None:
        """Request until anything is answered, even 404."""
        deadline, process = time.monotonic() + START_SECONDS, self.running[part]
        while time.monotonic() < deadline and process.poll() is None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            with closing(connection), suppress(OSError, http.client.HTTPException):
                connection.request("GET", "/healthz")
                connection.getresponse().read()
                return
            time.sleep(POLL_SECONDS)
        raise SystemExit(f"{self.contender.name} did not start:\n{self.read_log(part)}")

    def await_idle(self, part: Part) -> None:
        """Wait until a part is idle."""
        used, pid = -1.0, self.running[part].pid
        while used != (now := cpu_seconds(pid)):
            used = now
            time.sleep(IDLE_SECONDS)

    def is_working(self) -> bool:
        """Tell whether all processes that were started are alive."""
        return all(process.poll() is None for process in self.running.values())

    def cpu_seconds(self) -> float:
        """Sum the CPU time of all processes, except those that were stopped meanwhile."""
        return sum(cpu_seconds(process.pid) for process in self.running.values())

    def private_mb(self) -> float:
        """Sum the memory of all processes."""
        return sum(private_mb(process.pid) for process in self.running.values())

    def log(self, name: str) -> Path:
        """Return the file with the output of a process."""
        return self.folder / f"{name}.log"

    def read_log(self, part: Part) -> str:
        """Read the end of a log."""
        return "\n".join(self.log(part).read_text(errors="replace").splitlines()[-20:])


@contextmanager
def preparing(contender: Contender, engine: Engine, parent: Path) -> Iterator[Service]:
    """Make a database with empty tables for a contender, and stop its processes afterwards."""
    with own_folder(parent) as folder, engine.create(folder) as database:
        service = Service(contender, database, folder)
        if contender.stores:
            service.migrate()
        try:
            yield service
        finally:
            for part in Part:
                service.stop(part)


@contextmanager
def serving(contender: Contender, engine: Engine, parent: Path) -> Iterator[Service]:
    """Let a contender receive and record, on empty tables."""
    with preparing(contender, engine, parent) as service:
        start_receiving(service)
        yield service


def start_receiving(service: Service) -> None:
    """Start the receiver and the recorder; wait for an answer."""
    service.start(Part.RECEIVE)
    service.start(Part.RECORD)
    service.await_answer(Part.RECEIVE, service.port)


@contextmanager
def own_folder(parent: Path) -> Iterator[Path]:
    """Make a folder for the duration of a block; the user of a private server may enter it."""
    with tempfile.TemporaryDirectory(dir=parent, prefix="") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
