"""Who is measured: our service, and what others would write or run instead."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
GO_SOURCE = HERE / "peers" / "go"
DEBIAN_GO_PACKAGES = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode"}
OURS = "ours"
WORKERS = 2  # of uvicorn: as many as gunicorn.conf.py has
BOTH = ("sqlite", "postgresql")
PEERS = ("ceiling", "naive", "fastapi", "go", "limit")


@dataclass(frozen=True)
class Contender:
    """A service, and how it is started.

    Attributes:
        command: what serves; ``{port}`` stands for the port.
        root: the tree it is imported from.
        prepare: what makes the tables, run in ``root``; nothing where nothing is stored.
        engines: the databases it is written for.
    """

    name: str
    title: str
    command: Sequence[str]
    root: Path = ROOT
    prepare: Sequence[str] = ()
    engines: Sequence[str] = BOTH

    @property
    def stores(self) -> bool:
        """Whether every callback must be found in its database."""
        return bool(self.prepare)


def python(*arguments: str) -> list[str]:
    """Make a command of this environment's Python."""
    return [sys.executable, "-m", *arguments]


def gunicorn(app: str, settings: str = "python:bench.peers.gunicorn_settings") -> list[str]:
    """Serve an app with gunicorn, if not told otherwise as ours is served."""
    return python("gunicorn", "-c", settings, app)


def ours(root: Path) -> Contender:
    """Our service, as a tree has it."""
    serve = gunicorn("wsgi:app", str(root / "gunicorn.conf.py"))
    migrate = python("alembic", "upgrade", "head")
    return Contender(OURS, "**ours**", serve, root, migrate)


def ours_on(rows: int, ours: Contender) -> Contender:
    """Our service again, on a database that holds rows already."""
    return replace(ours, name=f"{OURS}_{rows}", title=f"**ours** on {rows:,}")


def peers(wanted: Sequence[str], folder: Path) -> list[Contender]:
    """Gather the peers that can be run here; say which can't."""
    tables = python("bench.peers.tables")
    known = {
        "ceiling": Contender(
            "ceiling", "(a) ceiling: parses, answers", gunicorn("bench.peers.ceiling:app")
        ),
        "naive": Contender(
            "naive",
            "(b) naive: Flask, marshmallow, ORM",
            gunicorn("bench.peers.naive:app"),
            prepare=tables,
        ),
    }
    if "fastapi" in wanted and has_packages("fastapi", "uvicorn", "asyncpg", "aiosqlite"):
        known["fastapi"] = Contender(
            "fastapi",
            "(c) FastAPI, pydantic, async SQLAlchemy",
            uvicorn("bench.peers.fastapi_app:app"),
            prepare=tables,
        )
    if "go" in wanted and (program := build_go(folder)):
        known["go"] = Contender(
            "go",
            "(d) Go, one prepared INSERT",
            [str(program)],
            prepare=tables,
            engines=["postgresql"],
        )
    return [known[name] for name in wanted if name in known]


def uvicorn(app: str) -> list[str]:
    """Serve an app with as many processes as ours, and connections kept as long."""
    options = [
        f"--workers={WORKERS}",
        "--loop=uvloop",
        "--http=httptools",
        "--timeout-keep-alive=75",
    ]
    quiet = ["--no-access-log", "--log-level=warning"]
    return python("uvicorn", app, "--host=127.0.0.1", "--port={port}", *options, *quiet)


def has_packages(*names: str) -> bool:
    """Tell whether packages are installed; say which is not."""
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        print(f"left out: (c), without {', '.join(missing)}", file=sys.stderr)
    return not missing


def build_go(folder: Path) -> Path | None:
    """Build the Go handler, with its driver from the module proxy or else from Debian's package."""
    program = folder / "callbacks-go"
    if not shutil.which("go"):
        print("left out: (d), without a Go toolchain", file=sys.stderr)
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
            return program
    print(f"left out: (d), which does not build: {done.stderr.strip()}", file=sys.stderr)
    return None
