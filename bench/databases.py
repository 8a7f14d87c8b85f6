"""Private databases on a real disk, set up as they are installed, one for each service."""

import re
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from bench.processes import cpu_seconds
from tests.engines import program, start_postgresql


@dataclass(frozen=True)
class Database:
    """A database of one service.

    Attributes:
        pid: its server's first process; none for SQLite.
    """

    url: sa.URL
    pid: int | None = None

    def come_to_rest(self) -> None:
        """Write what an earlier load left in memory, so that the next one does not pay for it.

        On SQLite each commit has flushed what it wrote.
        """
        if self.pid is not None:
            self.read("CHECKPOINT")

    def cpu_seconds(self) -> float:
        """Sum the CPU time of the server, if there is one."""
        return cpu_seconds(self.pid) if self.pid else 0.0

    def fetch_newest_id(self) -> int:
        """Fetch the largest id of ``deliveries``, or 0."""
        return self.read("SELECT max(id) FROM deliveries") or 0

    def count_newer(self, delivery_id: int) -> int:
        """Count the deliveries that were stored after one."""
        return self.read(f"SELECT count(*) FROM deliveries WHERE id > {delivery_id}") or 0

    def read(self, statement: str) -> int | None:
        """Run one statement, and give its value; on SQLite this never writes a checkpoint."""
        url = self.url
        if self.pid is None:
            url = sa.make_url(f"sqlite:///file:{url.database}?mode=ro&uri=true")
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            result = connection.exec_driver_sql(statement)
            value: int | None = result.scalar() if result.returns_rows else None
        engine.dispose()
        return value


@dataclass(frozen=True)
class Engine:
    """A kind of database.

    Attributes:
        create: makes an empty one in a folder, for as long as the block lasts.
    """

    name: str
    title: str
    create: Callable[[Path], AbstractContextManager[Database]]


@contextmanager
def sqlite_file(folder: Path) -> Iterator[Database]:
    """Name a file; whoever connects first makes it, and it goes with its folder."""
    yield Database(sa.make_url(f"sqlite:///{folder}/bench.db"))


@contextmanager
def postgresql_server(folder: Path) -> Iterator[Database]:
    """Start a server as ``initdb`` sets it up."""
    tempfile.tempdir = str(folder)  # the usual one may be in memory
    started = start_postgresql()
    if started is None:
        raise SystemExit("PostgreSQL can't be started: its server programs are missing, or fail")
    url, process, _ = started
    try:
        yield Database(url, process.pid)
    finally:
        process.send_signal(signal.SIGINT)  # does not wait for clients
        process.wait()


def find_engine(name: str) -> Engine:
    """Find out which release of a kind of database is here."""
    if name == "sqlite":
        return Engine(name, f"SQLite {sqlite3.sqlite_version}", sqlite_file)
    postgres = program("postgres")
    if postgres is None:
        raise SystemExit("PostgreSQL's server program is missing: --engines sqlite does without")
    said = subprocess.run([postgres, "--version"], check=True, capture_output=True, text=True)
    found = re.search(r"[0-9.]+", said.stdout)
    return Engine(name, f"PostgreSQL {found[0] if found else ''}", postgresql_server)
