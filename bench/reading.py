"""Measure what readers get: pages, states, lists, filters and exports, on few and on many rows."""

import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from bench.busy import CHANNEL, GROUP, send_busy_subjects
from bench.console import measure_console
from bench.contenders import Contender
from bench.databases import Engine
from bench.exporting import measure_exports
from bench.filters import measure_filters
from bench.reader import Reader, Times, alternate
from bench.report import Table
from bench.rows import subjects_of_a_kind
from bench.services import Service, serve

ASKED = 400  # times, for a 99th percentile that four answers exceed
PAGES = 1000
LAST_PAGES = 20  # around the 1,000th, so that not one page is asked for again and again
RANDOM = random.Random(20221209)  # noqa: S311 (no secrets here)
PAGED: Mapping[str, Mapping[str, Any]] = {
    "all": {},
    "channels": {"subject_type": "channel"},
    "creations": {"action": "created"},
    "one subject, pages of 10": {"subject_id": GROUP, "limit": 10},
}


def measure_reading(
    engine: Engine, ours: Contender, rows: Sequence[int], folder: Path
) -> Iterator[Table]:
    """Measure one database: the same questions on the fewest and on the most rows."""
    with ExitStack() as stack:
        few, many = (
            stack.enter_context(serve(ours, engine, folder, rows=count))
            for count in (rows[0], rows[-1])
        )
        for service in (few, many):
            send_busy_subjects(service.port)
            service.database.come_to_rest()
        title = f"{engine.title}, {rows[-1]:,} rows"
        for measure in (measure_first_pages, measure_later_pages, measure_states):
            tell(f"{title}: {measure.__name__}")
            yield measure(title, (few, rows[0]), (many, rows[-1]))
        tell(f"{title}: console")
        yield measure_console(title, many)
        tell(f"{title}: filters")
        yield measure_filters(title, many)
        tell(f"{title}: exports")
        yield measure_exports(title, many, rows[-1])


Filled = tuple[Service, int]  # a service, and how many rows it has


def measure_first_pages(title: str, few: Filled, many: Filled) -> Table:
    """Ask for the first page of any subject, on few and on many rows."""
    on_few, on_many = alternate(ASKED, ask_for_any_subject(*few), ask_for_any_subject(*many))
    return Table(
        f"{title}: first page of a subject's history",
        "rows | p50 ms | p99 ms | p99 ÷ that of few",
        [
            f"{few[1]:,} | {on_few} | ",
            f"{many[1]:,} | {on_many} | {on_many.percentile(99) / on_few.percentile(99):.2f}",
        ],
    )


def ask_for_any_subject(service: Service, rows: int) -> Callable[[], float]:
    """Prepare the question for a subject that is another each time."""
    reader, subjects = Reader(service.port), subjects_of_a_kind(rows)

    def ask() -> float:
        return reader.time("/history", subject_id=f"@TOA#_{RANDOM.randint(1, subjects)}")

    return ask


def measure_later_pages(title: str, _: Filled, many: Filled) -> Table:
    """Ask for the first page and for one after a thousand, in turn."""
    reader, lines = Reader(many[0].port), []
    for name, query in PAGED.items():
        cursors = read_cursors(reader, query)

        def ask_later(query: Mapping[str, Any] = query, cursors: Any = cursors) -> float:
            return reader.time("/history", **query, cursor=RANDOM.choice(cursors))

        first, later = alternate(ASKED, partial(reader.time, "/history", **query), ask_later)
        ratio = later.percentile(99) / first.percentile(99)
        lines.append(f"{name} | {first} | {later} | {ratio:.2f}")
    return Table(
        f"{title}: the 1,000th page of /history",
        "of | first p50 ms | p99 ms | 1,000th p50 ms | p99 ms | p99 ÷ that of the first",
        lines,
    )


def read_cursors(reader: Reader, query: Mapping[str, Any]) -> list[str]:
    """Walk through a thousand pages; give what leads to the last of them."""
    cursors: list[str] = []
    while len(cursors) < PAGES - 1:
        after = {"cursor": cursors[-1]} if cursors else {}
        cursors.append(reader.get("/history", **query, **after)["next_cursor"])
    return [cursor for cursor in cursors[-LAST_PAGES:] if cursor]


def measure_states(title: str, _: Filled, many: Filled) -> Table:
    """Ask what subjects were and are."""
    reader = Reader(many[0].port)
    busy, renamed = "/groups/busy%20group", f"/channels/{CHANNEL.replace('#', '%23')}"
    now = datetime.now(UTC)

    def at_any_date(address: str) -> float:
        at = now - timedelta(days=RANDOM.random())  # so that nearly all events come before
        return reader.time(address, at=at.isoformat())

    def any_subject() -> float:
        number = RANDOM.randint(1, subjects_of_a_kind(many[1]))
        return reader.time(f"/channels/@TOA%23_{number}", at=now.isoformat())

    questions: dict[str, Callable[[], float]] = {
        "state at a date, 10,000 events, every tenth a change": partial(at_any_date, busy),
        "state at a date, 10,000 events, all changes": partial(at_any_date, renamed),
        "state at a date, any subject": any_subject,
        "versions of 10,000 events, first page": partial(reader.time, f"{renamed}/versions"),
        "/channels": partial(reader.time, "/channels"),
        "/groups?name=Busy": partial(reader.time, "/groups", name="Busy"),
        "/channels?status=active": partial(reader.time, "/channels", status="active"),
        "/channels?owner=user7": partial(reader.time, "/channels", owner="user7"),
    }
    times: list[Times] = alternate(ASKED // 4, *questions.values())
    return Table(
        f"{title}: states",
        "question | p50 ms | p99 ms",
        [f"{name} | {values}" for name, values in zip(questions, times, strict=True)],
    )


def tell(progress: str) -> None:
    """Show what is being measured."""
    print(progress, file=sys.stderr)
