"""Store millions of rows at once, as a year of callbacks would have left them."""

import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from bench.databases import Database
from bench.rows import DIALECTS, MEMBERS, SOURCE, spell_columns, subjects_of_a_kind

CHUNK = 250_000
BYTES_OF_A_ROW = 3_500  # with indexes, event and members, and what the filling itself needs
YEAR_MS = 365 * 86_400_000

TABLES = "('deliveries', 'lifecycle_events', 'event_members')"
# What takes an index away, and what makes it again.
INDEXES = {
    "sqlite": f"""SELECT 'DROP INDEX ' || name, sql FROM sqlite_master
        WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN {TABLES}""",
    "postgresql": f"""SELECT 'DROP INDEX ' || indexrelid::regclass, pg_get_indexdef(indexrelid)
        FROM pg_index WHERE indrelid::regclass::text IN {TABLES}
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
        UNION ALL SELECT 'ALTER TABLE ' || conrelid::regclass || ' DROP CONSTRAINT ' || conname,
        'ALTER TABLE ' || conrelid::regclass || ' ADD CONSTRAINT ' || conname || ' '
        || pg_get_constraintdef(oid)
        FROM pg_constraint WHERE contype = 'u' AND conrelid::regclass::text IN {TABLES}""",
}
BEFORE = {
    "sqlite": (
        "PRAGMA journal_mode = MEMORY",
        "PRAGMA synchronous = OFF",
        "PRAGMA cache_size = -1000000",
        "ANALYZE sqlite_schema",  # an older release has no such table
        "CREATE TEMP TABLE known AS SELECT * FROM sqlite_stat1",  # goes with the indexes
    ),
    "postgresql": (
        "SET session_replication_role = replica",  # no look-up of foreign keys
        "SET synchronous_commit = off",
        "SET maintenance_work_mem = '1GB'",
    ),
}
AFTER = {
    "sqlite": (
        "DELETE FROM sqlite_stat1",
        "INSERT INTO sqlite_stat1 SELECT * FROM known",
        "PRAGMA journal_mode = WAL",
    ),
    "postgresql": (
        "SELECT setval(pg_get_serial_sequence('deliveries', 'id'), max(id)) FROM deliveries",
        "SELECT setval(pg_get_serial_sequence('lifecycle_events', 'id'), max(id))"
        " FROM lifecycle_events",
        "VACUUM ANALYZE",
        "CHECKPOINT",
    ),
}


def fill(database: Database, count: int, folder: Path) -> None:
    """Store ``count`` deliveries with their events and members in an empty, migrated database."""
    if shutil.disk_usage(folder).free < count * BYTES_OF_A_ROW:
        raise SystemExit(f"{count:,} rows need {count * BYTES_OF_A_ROW / 1e9:.0f} GB of disk")
    started = time.monotonic()
    url, name = database.url, database.url.get_backend_name()
    with open_connection(url) as connection:
        run(connection, BEFORE[name])
        indexes = connection.exec_driver_sql(INDEXES[name]).all()
        run(connection, [drop for drop, _ in indexes])
        columns = choose_columns(connection, spell_columns(DIALECTS[name]))
        for first in range(1, count + 1, CHUNK):
            last = min(first + CHUNK - 1, count)
            run(connection, insert(name, columns, first, last, count))
            tell(f"{last:,} of {count:,} rows")
        for number, (_, make) in enumerate(indexes, 1):
            run(connection, [make])
            tell(f"{number} of {len(indexes)} indexes")
        run(connection, AFTER[name])
    flush(url)
    tell(f"{count:,} rows are there after {time.monotonic() - started:.0f} s\n")


@contextmanager
def open_connection(url: sa.URL) -> Iterator[sa.Connection]:
    """Connect with each statement a transaction, and its text sent as it is."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT", no_parameters=True)
    engine.dispose()


def run(connection: sa.Connection, statements: Sequence[str]) -> None:
    """Run statements one after the other."""
    for statement in statements:
        connection.exec_driver_sql(statement)


Columns = Mapping[str, Mapping[str, str]]


def choose_columns(connection: sa.Connection, known: Columns) -> Columns:
    """Leave out what the schema of this release does not have."""
    inspector = sa.inspect(connection)
    chosen = {}
    for table, columns in known.items():
        there = {column["name"] for column in inspector.get_columns(table)}
        chosen[table] = {name: text for name, text in columns.items() if name in there}
    return chosen


def insert(engine: str, columns: Columns, first: int, last: int, count: int) -> list[str]:
    """Write the statements that make the rows from ``first`` to ``last``, bounds included."""
    source = SOURCE.format(
        numbers=DIALECTS[engine].numbers.format(first=first, last=last),
        start_ms=int(time.time() * 1000) - YEAR_MS,
        step_ms=YEAR_MS // count,
        subjects=subjects_of_a_kind(count),
    )
    return [
        f"INSERT INTO {table} ({', '.join(texts)}) SELECT {', '.join(texts.values())} "
        f"FROM {source} {MEMBERS if table == 'event_members' else ''}"
        for table, texts in columns.items()
    ]


def flush(url: sa.URL) -> None:
    """Have the disk take an SQLite file, so that nobody pays for it later."""
    if url.get_backend_name() == "sqlite":
        descriptor = os.open(str(url.database), os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def tell(progress: str) -> None:
    """Show how far it is, on one line."""
    print(f"\r\033[Kfilling: {progress}", end="", file=sys.stderr, flush=True)
