"""How many rows are examined for a page of ``/history``, for every combination of filters."""

import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from statistics import median

import sqlalchemy as sa

from bench.reader import Reader, Times
from bench.report import Table
from bench.services import Service
from models.event import EventMember, LifecycleEvent
from models.session import Database
from schemas.history import HistoryQuerySchema
from schemas.page import PageQuery
from services.history import fetch_history

FILTERS = (
    *("subject_type", "subject_id", "action", "operator", "owner", "sdk_app_id"),
    *("member", "since", "until"),
)
SAMPLES = 5  # events whose values are filtered by
WORST = 6
# Entries of an index that only make a bitmap are no rows; those the bitmap leads to are.
SCAN = re.compile(
    r"(?<!Bitmap Index )Scan .*actual rows=([\d.]+) loops=(\d+)((?:\n +[^-\n]*$)*)", re.MULTILINE
)
PASSED_OVER = re.compile(r"Rows Removed by (?:Filter|Index Recheck): (\d+)")
REPEATS = "ix_deliveries_duplicate_of"  # are counted for each event, and are no rows of the page

Values = Mapping[str, str]


def measure_filters(title: str, service: Service) -> Table:
    """Ask for the first page under every combination; count what PostgreSQL examines for it."""
    database = Database.open(service.database.url, service.database.url)
    counts = service.database.pid is not None
    found: list[tuple[float, float, str]] = []
    events = list(choose_events(database))
    reader = Reader(service.port)
    for event in events:
        for names in combine(event):
            query = {name: event[name] for name in names}
            took = reader.time("/history", **query)
            ratio = examine(database, query) if counts else 0.0
            found.append((ratio, took, " + ".join(names) or "none"))
    database.close()
    times, ratios = Times([took for _, took, _ in found]), [ratio for ratio, _, _ in found]
    middle = f"{median(ratios):.1f}, {Times(ratios).percentile(99):.0f}" if counts else ""
    lines = [f"all {len(found)}: median, 99th percentile | {middle} | {times}"]
    lines += [
        f"{names} | {f'{ratio:.0f}' if counts else ''} | | {took:.1f}"
        for ratio, took, names in worst(found)
    ]
    head = "filters | rows examined ÷ returned | p50 ms | p99 ms, or the time it took"
    return Table(f"{title}: every combination of filters, and the worst", head, lines)


def worst(found: list[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    """Take the worst of each combination, and of those the worst."""
    by_names: dict[str, tuple[float, float, str]] = {}
    for one in sorted(found):
        by_names[one[2]] = one
    return sorted(by_names.values(), reverse=True)[:WORST]


def choose_events(database: Database) -> Iterator[Values]:
    """Choose some events with members, all over the table; give the values to filter by."""
    with database.reads() as session:
        most = session.scalar(sa.select(sa.func.max(LifecycleEvent.id))) or 0
        for number in range(1, SAMPLES + 1):
            query = (
                sa.select(LifecycleEvent.__table__, EventMember.user_id)
                .join(EventMember, EventMember.event_id == LifecycleEvent.id)
                .where(LifecycleEvent.id >= most * number // (SAMPLES + 1))
                .order_by(LifecycleEvent.id, EventMember.position.desc())
                .limit(1)
            )
            row = session.execute(query).mappings().first()
            if row is not None:
                since, until = row["occurred_at"], row["occurred_at"].replace(microsecond=999_999)
                yield {
                    **{name: row[name] for name in FILTERS[:6] if row[name] is not None},
                    "member": row["user_id"],
                    "since": since.replace(day=1, hour=0, minute=0, second=0).isoformat(),
                    "until": until.isoformat(),
                }


def combine(values: Values) -> Iterator[tuple[str, ...]]:
    """Give every combination of the filters there are values for."""
    names = [name for name in FILTERS if name in values]
    for size in range(len(names) + 1):
        yield from combinations(names, size)


def examine(database: Database, values: Values) -> float:
    """Have PostgreSQL say how many rows it looked at, for each that it returned."""
    query: PageQuery = HistoryQuerySchema().load({name: [one] for name, one in values.items()})
    statement, parameters, returned = catch_page(database, query)
    with database.read_engine.connect() as connection:
        explain = f"EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) {statement}"
        plan = "\n".join(row[0] for row in connection.exec_driver_sql(explain, parameters))
    examined = 0.0
    for scan in SCAN.finditer(plan):
        if REPEATS not in scan[0]:
            passed_over = sum(map(int, PASSED_OVER.findall(scan[3])))
            examined += (float(scan[1]) + passed_over) * int(scan[2])
    return examined / max(returned, 1)


def catch_page(database: Database, query: PageQuery) -> tuple[str, dict[str, object], int]:
    """Fetch a page as the service does; give the statement for it, and how many rows came."""
    caught: list[tuple[str, dict[str, object]]] = []

    def listen(
        _: object, __: object, statement: str, parameters: dict[str, object], *___: object
    ) -> None:
        caught.append((statement, parameters))

    sa.event.listen(database.read_engine, "before_cursor_execute", listen)
    with database.reads() as session:
        page = fetch_history(session, query)
    sa.event.remove(database.read_engine, "before_cursor_execute", listen)
    return *caught[0], len(page.items)
