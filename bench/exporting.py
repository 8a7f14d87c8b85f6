"""How fast a service exports, and what memory that takes, beside what PostgreSQL can do at most."""

import http.client
import time
from contextlib import closing
from dataclasses import dataclass
from threading import Event, Thread
from urllib.parse import urlencode

import psycopg
import sqlalchemy as sa

from bench.databases import Database
from bench.processes import memory_mb
from bench.reader import KEY
from bench.report import Table
from bench.services import Service

FEW = 100_000
LOOK_SECONDS = 0.2
COLUMNS = """id, subject_type, subject_id, action, command, sdk_app_id, operator, owner, name,
    occurred_at, received_at, event_time, client_ip, platform, details, delivery_id"""
MEMBERS = """(SELECT array_agg(user_id ORDER BY position) FROM event_members
    WHERE event_id = lifecycle_events.id)"""
COUNT = """(SELECT 1 + count(*) FROM deliveries
    WHERE duplicate_of = lifecycle_events.delivery_id)"""
IN_ORDER = "FROM lifecycle_events ORDER BY occurred_at DESC, id DESC"


@dataclass(frozen=True)
class Export:
    """What one export came to.

    Attributes:
        memory_mb: the most that the service held.
    """

    events: int
    seconds: float
    memory_mb: float = 0

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


def measure_exports(title: str, service: Service, rows: int) -> Table:
    """Export a part, then all; on PostgreSQL beside ``COPY … TO STDOUT``."""
    few, everything = export(service, since=find_since(service)), export(service)
    ratio = everything.memory_mb / few.memory_mb
    lines = [
        f"NDJSON | {few.events:,} | {few.rate:.0f} | {few.memory_mb:.0f} | | ",
        f"NDJSON | {everything.events:,} | {everything.rate:.0f} | {everything.memory_mb:.0f} "
        f"| {ratio:.2f} | ",
    ]
    if service.database.pid is not None:
        copies = {
            "COPY of the same columns": f"{COLUMNS}, {MEMBERS}, {COUNT}",
            "COPY without members and count": COLUMNS,
        }
        for name, columns in copies.items():
            done = copy(service.database, f"COPY (SELECT {columns} {IN_ORDER}) TO STDOUT")
            share = everything.rate / done.rate
            lines.append(f"{name} | {done.events:,} | {done.rate:.0f} | | | {share:.3f}")
    head = "what | events | a second | memory MB | ÷ that of few | export's rate ÷ this"
    return Table(f"{title}: exports", head, lines)


def find_since(service: Service) -> str:
    """Find the instant since which there are some events."""
    occurred_at = "SELECT occurred_at FROM lifecycle_events ORDER BY occurred_at DESC, id DESC"
    engine = sa.create_engine(service.database.url)
    with engine.connect() as connection:
        found = connection.exec_driver_sql(f"{occurred_at} LIMIT 1 OFFSET {FEW}").scalar_one()
    engine.dispose()
    return found.isoformat() if not isinstance(found, str) else f"{found.replace(' ', 'T')}Z"


def export(service: Service, **query: str) -> Export:
    """Read an export to its end, and watch the memory of the service meanwhile.

    Raises:
        RuntimeError: it is not complete.
    """
    seen, ended = [memory_mb(service.pid)], Event()

    def watch() -> None:
        while not ended.wait(LOOK_SECONDS):
            seen.append(memory_mb(service.pid))

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    began, tail, lines = time.perf_counter(), b"", 0
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=120)
    with closing(connection):
        headers = {"Authorization": f"Bearer {KEY}"}
        connection.request("GET", f"/export?{urlencode(query)}", headers=headers)
        answer = connection.getresponse()
        while piece := answer.read(1024 * 1024):
            lines += piece.count(b"\n")
            tail = (tail + piece)[-200:]
    seconds = time.perf_counter() - began
    ended.set()
    watcher.join()
    if f'{{"complete":true,"count":{lines - 1}}}'.encode() not in tail:
        raise RuntimeError(f"the export is not complete: {tail!r}")
    return Export(lines - 1, seconds, max(seen))


def copy(database: Database, statement: str) -> Export:
    """Let PostgreSQL write the rows itself."""
    address = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection, connection.cursor() as cursor:
        began = time.perf_counter()
        with cursor.copy(statement.encode()) as rows:
            for _ in rows:
                pass
        return Export(cursor.rowcount, time.perf_counter() - began)
