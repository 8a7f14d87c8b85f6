"""Store millions of rows at once, as a year of callbacks would have left them."""

import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import sqlalchemy as sa

from bench.databases import Database
from services.recording.database import RecorderDatabase
from services.recording.following.follow import follow_all

CHUNK_ROWS = 250_000
BYTES_OF_A_ROW = 3_500  # with indexes, event and members, and the needs of the filling itself
YEAR_MS = 365 * 86_400_000

TABLES = "('deliveries', 'lifecycle_events', 'event_members')"
# The statements that drop an index, and that make it again.
INDEXES = {
    "sqlite": f"""SELECT 'DROP INDEX ' || name, sql FROM sqlite_master
        WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN {TABLES}""",
    "postgresql": f"""SELECT 'DROP INDEX ' || indexrelid::regclass,
        replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ')
        FROM pg_index WHERE indrelid::regclass::text IN {TABLES}
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
        UNION ALL SELECT 'ALTER TABLE ' || conrelid::regclass || ' DROP CONSTRAINT ' || conname,
        'ALTER TABLE ' || conrelid::regclass || ' ADD CONSTRAINT ' || conname || ' '
        || pg_get_constraintdef(oid)
        FROM pg_constraint WHERE contype IN ('p', 'u') AND conrelid::regclass::text IN {TABLES}""",
}
BEFORE = {
    "sqlite": (
        "PRAGMA journal_mode = MEMORY",
        "PRAGMA synchronous = OFF",
        "PRAGMA cache_size = -1000000",
        "CREATE TEMP TABLE known AS SELECT * FROM sqlite_stat1",  # goes with the indexes
    ),
    "postgresql": ("SET synchronous_commit = off", "SET maintenance_work_mem = '1GB'"),
}
LEDGER = "UPDATE ledger SET next_delivery_id = {next}, next_event_id = {next}"
AFTER = {
    "sqlite": (
        "DELETE FROM sqlite_stat1",
        "INSERT INTO sqlite_stat1 SELECT * FROM known",
        "PRAGMA journal_mode = WAL",
    ),
    "postgresql": ("ANALYZE",),
}


# A group with many joins and exits, and a channel with many changes: the number of events, and
# their values.
LARGE = (
    (
        200_000,
        {
            "subject_type": "'group'",
            "subject_id": "'@TGS#large'",
            "action": "CASE WHEN n % 1000 = 0 THEN 'profile_changed'"
            " WHEN n / 4 % 4 = 0 THEN 'members_removed' ELSE 'members_added' END",
            "name": "CASE WHEN n % 1000 = 0 THEN 'Group ' || n END",
        },
    ),
    (
        10_000,
        {
            "subject_type": "'channel'",
            "subject_id": "'@TOA#_large'",
            "action": "'profile_changed'",
            "name": "'Channel ' || n",
        },
    ),
)
LARGE_STEP_MS = 60_000

SUBJECTS_OF_A_KIND = 100_000  # so many channels, and so many groups, of ten million rows
ROWS_OF_A_SUBJECT = 50

COMMAND = """CASE kind
    WHEN 0 THEN 'OfficialAccount.CallbackAfterCreateOfficialAccount'
    WHEN 1 THEN 'OfficialAccount.CallbackAfterOfficialAccountInfoChanged'
    WHEN 2 THEN 'OfficialAccount.CallbackAfterOfficialAccountDestroyed'
    ELSE 'Group.CallbackAfterGroupDestroyed' END"""
COMMANDS = f"""INSERT INTO commands (id, name) SELECT kind + 1, {COMMAND}
    FROM (SELECT 0 AS kind UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) AS kinds"""
SUBJECT = "CASE kind WHEN 3 THEN '@TGS#' ELSE '@TOA#_' END || subject"
DETAILS = """CASE kind
    WHEN 1 THEN '{"Introduction":"NewNotification","Organization":"NewOrganization"}'
    WHEN 3 THEN '{"Type":"Public"}' ELSE '{}' END"""
BODY = """'{"CallbackCommand":"' || command || '","'
    || CASE kind WHEN 3 THEN 'GroupId' ELSE 'Official_Account' END || '":"' || subject_id
    || '","Operator_Account":"' || account || '","Owner_Account":"' || account
    || '","Name":"TestOfficialAccount","EventTime":' || occurred_ms || '}'"""
QUERY_STRING = """'SdkAppid=888888&CallbackCommand=' || command
    || '&contenttype=json&ClientIP=127.0.0.1&OptPlatform=RESTAPI&Sign=' || {digest}
    || '&RequestTime=' || (received_ms / 1000)"""
# Multiplied by 2**32 / golden ratio, neighbours fall far apart and no value is preferred.
SOURCE = f"""(
    SELECT *, {COMMAND} AS command, {SUBJECT} AS subject_id FROM (
    SELECT *, n % 4 AS kind, 1 + hash * {{subjects}} / 4294967296 AS subject,
        'user' || (hash % 9973) AS account, received_ms - hash % 2000 AS occurred_ms FROM (
    SELECT n, (n * 2654435761) % 4294967296 AS hash, {{start_ms}} + n * {{step_ms}} AS received_ms
    FROM {{numbers}}) AS numbers) AS kinds) AS facts"""
# A change of a profile names none.
MEMBERS = """CROSS JOIN (SELECT 0 AS position UNION ALL SELECT 1 UNION ALL SELECT 2) AS places
    WHERE kind = 3 AND {action} <> 'profile_changed'"""

# The counts of hours that the recorder would have left; those of minutes are folded after 90 days.
COUNT = """INSERT INTO minute_counts (minute, measure, sdk_app_id, name, verdict, value)
    SELECT {hour}, 'received', sdk_app_id, name, verdict, count(*)
    FROM deliveries JOIN commands ON commands.id = command_id
    GROUP BY {hour}, sdk_app_id, name, verdict"""
TOTAL = """INSERT INTO total_counts (measure, sdk_app_id, name, verdict, value)
    SELECT measure, sdk_app_id, name, verdict, sum(value) FROM minute_counts
    GROUP BY measure, sdk_app_id, name, verdict"""
# As if something had arrived in every minute.
HOUR = f"""INSERT INTO hour_counts (hour, sdk_app_id, word, value, minutes)
    SELECT {{hour}}, sdk_app_id, {{word}}, sum(value), {(1 << 60) - 1} FROM minute_counts
    GROUP BY {{hour}}, sdk_app_id, {{word}}"""
HOURS = {
    "sqlite": "CAST(strftime('%s', minute) AS INTEGER) / 3600",
    "postgresql": "CAST(extract(epoch FROM minute) / 3600 AS integer)",
}
COUNTS = {
    "sqlite": COUNT.format(hour="substr(received_at, 1, 13) || ':00:00.000000'"),
    "postgresql": COUNT.format(hour="date_trunc('hour', received_at, 'UTC')"),
}


def subjects_of_a_kind(rows: int) -> int:
    """Tell how many channels, and how many groups, so many rows are about."""
    return max(1, min(SUBJECTS_OF_A_KIND, rows // ROWS_OF_A_SUBJECT // 2))


@dataclass(frozen=True)
class Dialect:
    """The SQL of one database; each text except ``numbers`` is an expression of a row.

    Attributes:
        numbers: the numbers from ``{first}`` to ``{last}``, as column ``n``.
        digest: 64 hexadecimal digits that no other row has.
        key: 16 bytes that no other row has.
        uuid: one that grows with time, like version 7.
    """

    numbers: str
    digest: str
    key: str
    uuid: str
    instant: str
    json: str
    bytes: str


POSTGRESQL = Dialect(
    numbers="generate_series({first}::bigint, {last}) AS n",
    digest="encode(sha256(int8send(n)), 'hex')",
    key="md5(n::text)::uuid",
    uuid="(lpad(to_hex(received_ms), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8'"
    " || substr(md5(n::text), 4, 15))::uuid",
    instant="to_timestamp({ms} / 1000.0)",
    json="({text})::json",
    bytes="convert_to({text}, 'UTF8')",
)
SQLITE = Dialect(
    numbers="(WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL"
    " SELECT n + 1 FROM numbers WHERE n < {last}) SELECT n FROM numbers)",
    digest="lower(hex(randomblob(32)))",
    key="randomblob(16)",
    uuid="unhex(printf('%012x', received_ms) || '7' || substr(hex(randomblob(2)), 2) || '8'"
    " || substr(hex(randomblob(8)), 2))",
    instant="strftime('%Y-%m-%d %H:%M:%f', {ms} / 1000.0, 'unixepoch') || '000'",
    json="{text}",
    bytes="CAST({text} AS BLOB)",
)
DIALECTS = {"sqlite": SQLITE, "postgresql": POSTGRESQL}


def spell_columns(dialect: Dialect) -> Mapping[str, Mapping[str, str]]:
    """Return table → column → expression."""
    received = dialect.instant.format(ms="received_ms")
    occurred = dialect.instant.format(ms="occurred_ms")
    return {
        "deliveries": {
            "id": "n",
            "uuid": dialect.uuid,
            "received_at": received,
            "sdk_app_id": "'888888'",
            "command_id": "kind + 1",
            "verdict": "'accepted'",
            "peer": "'127.0.0.1'",
            "query_string": QUERY_STRING.format(digest=dialect.digest),
            "body": dialect.bytes.format(text=BODY),
        },
        "lifecycle_events": {
            "id": "n",
            "delivery_id": "n",
            "event_key": dialect.key,
            "subject_type": "CASE kind WHEN 3 THEN 'group' ELSE 'channel' END",
            "subject_id": "subject_id",
            "action": "CASE kind WHEN 0 THEN 'created' WHEN 1 THEN 'profile_changed'"
            " ELSE 'destroyed' END",
            "sdk_app_id": "'888888'",
            "operator": "account",
            "owner": "account",
            "name": "'TestOfficialAccount'",
            "occurred_at": occurred,
            "received_at": received,
            "event_time": "occurred_ms",
            "client_ip": "'127.0.0.1'",
            "platform": "'RESTAPI'",
            "details": dialect.json.format(text=DETAILS),
        },
        "event_members": {
            "event_id": "n",
            "user_id": "'user' || ((hash + position * 3331) % 9973)",
            "position": "position",
            "occurred_at": occurred,
            "subject_id": "subject_id",
        },
    }


def fill(database: Database, count: int, folder: Path, *, is_large: bool = False) -> None:
    """Store ``count`` deliveries with their events and members in an empty, migrated database.

    Args:
        database: to fill.
        count: how many.
        folder: on the disk that has the database.
        is_large: store the events of ``LARGE`` as well.
    """
    if shutil.disk_usage(folder).free < count * BYTES_OF_A_ROW:
        raise SystemExit(f"{count:,} rows need {count * BYTES_OF_A_ROW / 1e9:.0f} GB of disk")
    started, now = time.monotonic(), int(time.time() * 1000)
    year = {"start_ms": now - YEAR_MS, "step_ms": YEAR_MS // count}
    year["subjects"] = subjects_of_a_kind(count)
    url, name = database.url, database.url.get_backend_name()
    with open_connection(url) as connection:
        run(connection, BEFORE[name])
        indexes = connection.exec_driver_sql(INDEXES[name]).all()
        run(connection, [COMMANDS, *(drop for drop, _ in indexes)])
        for first in range(1, count + 1, CHUNK_ROWS):
            last = min(first + CHUNK_ROWS - 1, count)
            run(connection, insert(name, first, last, year))
            tell(f"{last:,} of {count:,} rows")
        for number, said in LARGE if is_large else ():
            began = now - (count + number) * LARGE_STEP_MS
            spread = {"start_ms": began, "step_ms": LARGE_STEP_MS, "subjects": 1}
            run(connection, insert(name, count + 1, count + number, spread, said))
            count += number
        for number, (_, make) in enumerate(indexes, 1):
            run(connection, [make])
            tell(f"{number} of {len(indexes)} indexes")
        hours = [HOUR.format(hour=HOURS[name], word=word) for word in ("measure", "verdict")]
        ledger = LEDGER.format(next=count + 1)
        run(connection, [ledger, COUNTS[name], TOTAL, *hours, *AFTER[name]])
    tell("labels")
    with closing(RecorderDatabase(url)) as writer:
        follow_all(writer)
    settle(url)
    tell(f"{count:,} rows are there after {time.monotonic() - started:.0f} s\n")


@contextmanager
def open_connection(url: sa.URL) -> Iterator[sa.Connection]:
    """Connect with each statement as a transaction, and its text sent unchanged."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":  # which has it from 3.41 on
            cast(Any, connection.connection).create_function("unhex", 1, bytes.fromhex)
        yield connection.execution_options(isolation_level="AUTOCOMMIT", no_parameters=True)
    engine.dispose()


def run(connection: sa.Connection, statements: Sequence[str]) -> None:
    """Run statements one after another."""
    for statement in statements:
        connection.exec_driver_sql(statement)


def insert(
    engine: str,
    first: int,
    last: int,
    spread: Mapping[str, int],
    said: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """Write the statements that make the rows from ``first`` to ``last``, bounds included.

    Args:
        engine: which database.
        first: number of a row.
        last: likewise.
        spread: ``start_ms`` of row 0, ``step_ms`` from one to the next, and how many ``subjects``
            of a kind they are about.
        said: by column, an expression in place of the usual one.
    """
    source = SOURCE.format(
        numbers=DIALECTS[engine].numbers.format(first=first, last=last),
        **spread,
    )
    columns = {
        table: {name: said.get(name, text) for name, text in texts.items()}
        for table, texts in spell_columns(DIALECTS[engine]).items()
    }
    members = MEMBERS.format(action=columns["lifecycle_events"]["action"])
    return [
        f"INSERT INTO {table} ({', '.join(texts)}) SELECT {', '.join(texts.values())} "
        f"FROM {source} {members if table == 'event_members' else ''}"
        for table, texts in columns.items()
    ]


def settle(url: sa.URL) -> None:
    """Bring a database to rest, so that no later question or commit pays for the filling.

    An SQLite file is flushed; PostgreSQL gathers statistics, and marks all rows as visible.
    """
    if url.get_backend_name() == "sqlite":
        descriptor = os.open(str(url.database), os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    else:
        with open_connection(url) as connection:
            run(connection, ["VACUUM ANALYZE", "CHECKPOINT"])


def tell(progress: str) -> None:
    """Show the progress on one line."""
    print(f"\r\033[Kfilling: {progress}", end="", file=sys.stderr, flush=True)
