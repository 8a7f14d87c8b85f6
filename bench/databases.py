"""Private databases on a real disk with their default settings, one for each service."""

import re
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import sqlalchemy as sa

from bench.machine import cpu_seconds
from tests.engines import program, start_postgresql

LOOK_SECONDS = 0.01
STORE_SECONDS = 120


@dataclass(frozen=True)
class Database:
    """The database of one service.

    Attributes:
        pid: the first process of its server; none for SQLite.
    """

    url: sa.URL
    pid: int | None = None

    def come_to_rest(self) -> None:
        """Flush what an earlier load left in memory, so that the next one does not pay for it.

        On SQLite each commit has flushed what it wrote.
        """
        if self.pid is not None:
            with self.connect() as connection:
                connection.exec_driver_sql("CHECKPOINT")

    def cpu_seconds(self) -> float:
        """Sum the CPU time of the server, if there is one."""
        return cpu_seconds(self.pid) if self.pid else 0.0

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """Connect with each statement a transaction; on SQLite only to read."""
        url = self.url
        if self.pid is None:
            url = sa.make_url(f"sqlite:///file:{url.database}?mode=ro&uri=true")
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            yield connection
        engine.dispose()

    @contextmanager
    def watching(self) -> Iterator["Watch"]:
        """Watch how many deliveries are stored until the block ends."""
        with self.connect() as connection:
            watch, ended = Watch(connection), Event()

            def look() -> None:
                while not ended.wait(LOOK_SECONDS):
                    watch.look()

            thread = Thread(target=look, daemon=True)
            thread.start()
            try:
                yield watch
            finally:
                ended.set()
                thread.join()


@dataclass
class Watch:
    """Repeated counts of deliveries stored since the watch began.

    Attributes:
        before: the newest ID at the beginning. IDs count up, and the newest one is cheap to fetch.
        looks: the times of the counts, in seconds since 1970, each with its count.
    """

    connection: sa.Connection
    before: int = 0
    looks: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Note the newest ID."""
        self.before = self.fetch_newest()

    def fetch_newest(self) -> int:
        """Fetch the newest ID, or 0."""
        newest = self.connection.exec_driver_sql("SELECT max(id) FROM deliveries").scalar()
        return newest or 0

    def look(self) -> None:
        """Note how many there are now."""
        newest = self.fetch_newest()
        self.looks.append((time.time(), newest - self.before))

    def await_stored(self, count: int, *, is_working: Callable[[], bool]) -> float | None:
        """Wait until so many are stored; return when that was, or none if it does not happen.

        Args:
            count: since the watch began.
            is_working: tells whether it can still happen.
        """
        deadline, seen = time.monotonic() + STORE_SECONDS, 0
        while time.monotonic() < deadline and is_working():
            looks = self.looks[seen:]
            seen += len(looks)
            for at, stored in looks:
                if stored >= count:
                    return at
            time.sleep(LOOK_SECONDS)
        return None


def count_newer(database: Database, delivery_id: int) -> int:
    """Count the deliveries that were stored after one."""
    newer = f"SELECT count(*) FROM deliveries WHERE id > {delivery_id}"
    with database.connect() as connection:
        count: int = connection.exec_driver_sql(newer).scalar_one()
    return count


@dataclass(frozen=True)
class Engine:
    """A kind of database.

    Attributes:
        create: makes an empty database in a folder, for the duration of a block.
    """

    name: str
    title: str
    create: Callable[[Path], AbstractContextManager[Database]]


@contextmanager
def sqlite_file(folder: Path) -> Iterator[Database]:
    """Name a file; the first connection creates it, and it is deleted with its folder."""
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
    """Find the installed release of a kind of database."""
    if name == "sqlite":
        return Engine(name, f"SQLite {sqlite3.sqlite_version}", sqlite_file)
    postgres = program("postgres")
    if postgres is None:
        raise SystemExit("PostgreSQL's server program is missing: --engines sqlite does without")
    said = subprocess.run([postgres, "--version"], check=True, capture_output=True, text=True)
    found = re.search(r"[0-9.]+", said.stdout)
    return Engine(name, f"PostgreSQL {found[0] if found else ''}", postgresql_server)
