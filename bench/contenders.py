"""The contenders: our service, the version before, and what others would write instead."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
SERVING = ROOT / "serving"
GO_SOURCE = HERE / "peers" / "go"
DEBIAN_GO_PACKAGES = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode"}
BEFORE_COMMIT = "fdcd8fb"  # the last one that wrote to the database before it answered
BOTH = ("sqlite", "postgresql")
OTHERS = ("before", "ceiling", "naive", "fastapi", "go")


class Part(StrEnum):
    """A process of a contender, with its children."""

    RECEIVE = "receive"
    RECORD = "record"
    READ = "read"


@dataclass(frozen=True)
class Contender:
    """A service, and how it is started.

    Attributes:
        commands: what runs; ``{port}`` stands for the port of the receiver.
        root: the source tree it is imported from.
        migrate: the command that makes the tables, run in ``root``; empty if nothing is stored.
        engines: the databases it is written for.
    """

    name: str
    title: str
    commands: Mapping[Part, Sequence[str]]
    root: Path = ROOT
    migrate: Sequence[str] = ()
    engines: Sequence[str] = BOTH

    @property
    def stores(self) -> bool:
        """Whether every callback must be found in its database."""
        return bool(self.migrate)


def python(*arguments: str) -> list[str]:
    """Make a command of this environment's Python."""
    return [sys.executable, "-m", *arguments]


def gunicorn(settings: Path, app: str) -> list[str]:
    """Serve an app by a file of settings."""
    return python("gunicorn", "-c", str(settings), app)


ALEMBIC = python("alembic", "upgrade", "head")
PEER_TABLES = python("bench.peers.tables")
OURS = Contender(
    "ours",
    "**ours**",
    {
        Part.RECEIVE: gunicorn(SERVING / "receiver.py", "wsgi:receiver"),
        Part.RECORD: python("flask", "--app", "wsgi", "record"),
        Part.READ: gunicorn(SERVING / "reader.py", "wsgi:reader"),
    },
    migrate=ALEMBIC,
)
CEILING = Contender(
    "ceiling",
    "ceiling: parses, answers",
    {
        Part.RECEIVE: gunicorn(HERE / "peers" / "ceiling_settings.py", "bench.peers.ceiling:app"),
    },
)
NAIVE = Contender(
    "naive",
    "naive: Flask, marshmallow, ORM",
    {
        Part.RECEIVE: python(
            *("gunicorn", "--bind=127.0.0.1:{port}", "--worker-class=gthread", "--workers=2"),
            *("--threads=16", "--keep-alive=75", "--no-control-socket", "bench.peers.naive:app"),
        )
    },
    migrate=PEER_TABLES,
)
FASTAPI = Contender(
    "fastapi",
    "FastAPI, pydantic, async SQLAlchemy",
    {
        Part.RECEIVE: python(
            *("uvicorn", "bench.peers.fastapi_app:app", "--host=127.0.0.1", "--port={port}"),
            *("--workers=2", "--loop=uvloop", "--http=httptools", "--timeout-keep-alive=75"),
            *("--no-access-log", "--log-level=warning"),
        )
    },
    migrate=PEER_TABLES,
)


@contextmanager
def gather(wanted: Sequence[str], folder: Path) -> Iterator[list[Contender]]:
    """Return our service and the others that can run here, and name those that cannot."""
    found = {"ceiling": CEILING, "naive": NAIVE}
    if "fastapi" in wanted and has_packages("fastapi", "uvicorn", "asyncpg", "aiosqlite"):
        found["fastapi"] = FASTAPI
    if "go" in wanted and (go := build_go(folder / "callbacks-go")):
        found["go"] = go
    if "before" not in wanted:
        yield [OURS, *(found[name] for name in wanted if name in found)]
        return
    with checking_out(BEFORE_COMMIT, folder / "before") as tree:
        found["before"] = make_before(tree)
        yield [OURS, *(found[name] for name in wanted if name in found)]


@contextmanager
def checking_out(commit: str, tree: Path) -> Iterator[Path]:
    """Check out a commit of this repository beside it, and remove it afterwards."""
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(tree), commit], check=True)
    try:
        yield tree
    finally:
        subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def make_before(tree: Path) -> Contender:
    """Serve the version before the way it was served."""
    serve = gunicorn(tree / "gunicorn.conf.py", "wsgi:app")
    return Contender("before", "version before", {Part.RECEIVE: serve}, tree, ALEMBIC)


def has_packages(*names: str) -> bool:
    """Tell whether packages are installed; say which are not."""
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        print(f"left out: FastAPI, without {', '.join(missing)}", file=sys.stderr)
    return not missing


def build_go(program: Path) -> Contender | None:
    """Build the Go handler, with its driver from the module proxy or from Debian's package."""
    if not shutil.which("go"):
        print("left out: Go, without a toolchain", file=sys.stderr)
        return None
    for packages in ({}, DEBIAN_GO_PACKAGES):
        done = subprocess.run(
            ["go", "build", "-o", program, "."],
            cwd=GO_SOURCE,
            env={**os.environ, **packages},
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:
            title, command = "Go, one prepared INSERT", {Part.RECEIVE: [str(program)]}
            return Contender("go", title, command, migrate=PEER_TABLES, engines=["postgresql"])
    print(f"left out: Go, which does not build: {done.stderr.strip()}", file=sys.stderr)
    return None
