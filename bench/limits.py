"""How fast the database by itself takes rows of ``deliveries``, with the indexes of the peers."""

import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from bench.contenders import python
from bench.databases import Database, Engine
from bench.peers.tables import SQLITE_SETTINGS
from bench.runs import Run
from bench.services import own_folder
from tests.engines import program

COMMAND = "OfficialAccount.CallbackAfterCreateOfficialAccount"
QUERY_STRING = (
    f"SdkAppid=888888&CallbackCommand={COMMAND}&contenttype=json&ClientIP=127.0.0.1"
    f"&OptPlatform=RESTAPI&Sign={'0' * 64}&RequestTime=1670574414"
)
BODY = (
    f'{{"CallbackCommand":"{COMMAND}","Official_Account":"@TOA#_1","Operator_Account":"107867",'
    '"Owner_Account":"107867","Name":"TestOfficialAccount 1","EventTime":1670574414123}'
)
COLUMNS = "received_at, sdk_app_id, command, verdict, peer, query_string, body"
PGBENCH = f"""INSERT INTO deliveries ({COLUMNS})
    VALUES (now(), '888888', '{COMMAND}', 'accepted', '127.0.0.1', '{QUERY_STRING}', '{BODY}');
"""
SQLITE = f"""INSERT INTO deliveries ({COLUMNS})
    VALUES (strftime('%Y-%m-%d %H:%M:%f'), '888888', ?, 'accepted', '127.0.0.1', ?, ?)
"""
ROWS_OF_A_BATCH = 16


@dataclass(frozen=True)
class Limit:
    """One way to feed the database; ``measure`` tells its rows a second."""

    name: str
    title: str
    measure: Callable[[], float]

    def run(self, turn: int) -> Run:
        """Measure once."""
        run = Run(self.name, self.title, turn, rate=self.measure())
        print(f"{turn + 1}  {run.name:<10} {run.rate:>35.0f}/s", file=sys.stderr)
        return run


@contextmanager
def open_limits(engine: Engine, folder: Path, clients: int, seconds: int) -> Iterator[list[Limit]]:
    """Make a database with the table, and say what can be measured on it."""
    with own_folder(folder) as folder, engine.create(folder) as database:
        yield prepare_limits(database, folder, clients, seconds)


def prepare_limits(database: Database, folder: Path, clients: int, seconds: int) -> list[Limit]:
    """Make the table, and say what can be measured on it."""
    url = database.url
    environment = {**os.environ, "DATABASE_URL": url.render_as_string(hide_password=False)}
    subprocess.run(python("bench.peers.tables"), env=environment, check=True)
    if database.pid is None:
        one, many = (
            partial(fill_sqlite, url, seconds=seconds, rows=n) for n in (1, ROWS_OF_A_BATCH)
        )
        return [
            Limit("limit of 1", "limit: 1 row a transaction", one),
            Limit("limit of 16", f"limit: {ROWS_OF_A_BATCH} rows a transaction", many),
        ]
    script = folder / "insert.sql"
    script.write_text(PGBENCH)
    measure = partial(run_pgbench, url, script, clients=clients, seconds=seconds)
    return [Limit("pgbench", "limit: pgbench, one prepared INSERT", measure)]


def run_pgbench(url: sa.URL, script: Path, *, clients: int, seconds: int) -> float:
    """Let pgbench insert rows, one a transaction."""
    pgbench = program("pgbench")
    if pgbench is None:
        raise SystemExit("pgbench is missing; it comes with PostgreSQL")
    host = url.query["host"]
    where = ["-h", str(host), "-U", str(url.username), str(url.database)]
    options = ["-n", "-M", "prepared", f"-c{clients}", "-j2", f"-T{seconds}", "-f", str(script)]
    done = subprocess.run([pgbench, *options, *where], check=True, capture_output=True, text=True)
    found = re.search(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)
    if not found:
        raise SystemExit(f"pgbench said no rate: {done.stdout}{done.stderr}")
    return float(found[1])


def fill_sqlite(url: sa.URL, *, seconds: int, rows: int) -> float:
    """Commit some rows at a time from one thread, each commit flushed."""
    connection = sqlite3.connect(str(url.database), isolation_level=None)
    for setting in SQLITE_SETTINGS:
        connection.execute(f"PRAGMA {setting}")
    parameters = [(COMMAND, QUERY_STRING, BODY.encode())] * rows
    started, stored = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - started) < seconds:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(SQLITE, parameters)
        connection.execute("COMMIT")
        stored += rows
    connection.close()
    return stored / elapsed
