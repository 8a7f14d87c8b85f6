"""Start a service on a database of its own, and stop it."""

import http.client
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.client import APP, SIGN_TOLERANCE_SECONDS, TOKEN
from bench.contenders import Contender
from bench.databases import Database, Engine
from bench.fill import fill

START_SECONDS = 30
STOP_SECONDS = 40  # longer than gunicorn's graceful timeout


@dataclass(frozen=True)
class Service:
    """A contender that serves.

    Attributes:
        pid: the process that all others of it descend from.
    """

    contender: Contender
    pid: int
    port: int
    database: Database
    folder: Path

    @property
    def spool(self) -> Path:
        """Where callbacks wait while the database does not take them."""
        return self.folder / "spool"


@contextmanager
def serve(
    contender: Contender, engine: Engine, folder: Path, *, rows: int = 0
) -> Iterator[Service]:
    """Start a contender on a database of its own with so many rows in it, and stop it."""
    with own_folder(folder) as folder, engine.create(folder) as database:
        environment = {**os.environ, **settings(contender, database, folder)}
        if contender.stores:
            subprocess.run(contender.prepare, cwd=contender.root, env=environment, check=True)
        if rows:
            fill(database, rows, folder)
        port = free_port()
        process = start(contender, port, environment, folder)
        try:
            wait_until_it_answers(port, process, folder / "log")
            yield Service(contender, process.pid, port, database, folder)
        finally:
            stop(process)


def start(
    contender: Contender, port: int, environment: dict[str, str], folder: Path
) -> subprocess.Popen[bytes]:
    """Start a contender; what it says goes into a file."""
    command = [part.format(port=port) for part in contender.command]
    environment = {**environment, "PORT": str(port)}
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Let a service finish, within reason."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


@contextmanager
def own_folder(parent: Path) -> Iterator[Path]:
    """Make a folder that goes with the block; the user of a private server may enter it."""
    with tempfile.TemporaryDirectory(dir=parent, prefix="") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def settings(contender: Contender, database: Database, folder: Path) -> dict[str, str]:
    """Say the same to each of them."""
    return {
        "PYTHONPATH": str(contender.root),
        "DATABASE_URL": database.url.render_as_string(hide_password=False),
        "SPOOL_DIR": str(folder / "spool"),
        "SDK_APPS": f"{APP}:{TOKEN}",
        "API_KEYS": "bench:key",
        "SIGN_TOLERANCE_SECONDS": str(SIGN_TOLERANCE_SECONDS),
    }


def free_port() -> int:
    """Find a port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_it_answers(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Ask until anything comes back, be it 404."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            return
        time.sleep(0.1)
    raise SystemExit(f"a service did not start:\n{last_lines(log)}")


def last_lines(log: Path) -> str:
    """Read the end of a log, for whoever wonders what happened."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])
