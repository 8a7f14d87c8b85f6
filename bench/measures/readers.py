"""Measure what readers cost callbacks: answers at a steady rate, with and without readers."""

import http.client
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from threading import Event
from urllib.parse import quote, urlencode

from bench.client import Load
from bench.contenders import OURS, Part
from bench.databases import Engine
from bench.fill import fill, subjects_of_a_kind
from bench.report import Column, Run, Section, Table
from bench.services import API_KEY, Service, preparing, start_receiving
from bench.turns import Plan, load_once, warm_up

ROWS = 1_000_000
RATE = 200  # callbacks per second
SETTLE_SECONDS = 1  # until all readers are at work
PIECE_BYTES = 64 * 1024
HEADERS = {"Authorization": f"Bearer {API_KEY}"}
COLUMNS = (
    Column("p50 ms", "p50_ms", "{:.1f}"),
    Column("p99 ms", "p99_ms", "{:.1f}"),
    Column("p99 ÷ without", "p99_ms", "{:.2f}", "it ÷ base"),
    Column("last one behind, ms", "behind_ms"),
    Column("questions answered/s", "questions"),
    Column("not answered", "unanswered"),
)

Ask = Callable[[random.Random], str]


def make_questions(rows: int) -> Mapping[str, Ask]:
    """Name the questions of readers; each makes a new address every time.

    Args:
        rows: how many are stored.
    """
    subjects = subjects_of_a_kind(rows)

    def channel(choose: random.Random) -> str:
        return f"@TOA#_{choose.randint(1, subjects)}"

    def page(choose: random.Random, **query: object) -> str:
        return f"/history?{urlencode({'subject_id': channel(choose), **query})}"

    def state(choose: random.Random, suffix: str = "") -> str:
        return f"/channels/{quote(channel(choose))}{suffix}"

    return {
        "export": lambda _: "/export?format=ndjson",
        "page of a subject": page,
        "page of a user": lambda choose: f"/history?member=user{choose.randrange(9973)}&limit=500",
        "state": state,
        "versions": partial(state, suffix="/versions"),
        "list": lambda choose: f"/channels?owner=user{choose.randrange(9973)}",
        "search": lambda choose: f"/search?q={choose.randint(1, subjects)}",
        "search for what all have": lambda _: "/search?q=official",
        "/drift": lambda _: "/drift",
        "console: overview": lambda _: "/console/",
        "console: a channel": lambda choose: f"/console{state(choose)}",
    }


# Twelve clients: at most four exports are answered at a time.
CLIENTS = (
    *("export", "export", "export", "page of a subject", "page of a user", "state", "versions"),
    *("list", "/drift", "/drift", "console: overview", "console: a channel"),
)


def measure_readers(plan: Plan, engine: Engine) -> Iterator[Section | Table]:
    """Send at a steady rate, in turn with and without readers; then time each question alone."""
    rows = plan.rows or ROWS
    with preparing(OURS, engine, plan.folder) as service:
        fill(service.database, rows, service.folder)
        start_receiving(service)
        service.start(Part.READ)
        service.await_answer(Part.READ, service.read_port)
        warm_up([service])
        load = Load(plan.connections, plan.seconds, rate=RATE)
        runs = plan.take_turns(
            partial(load_alone, service, load), partial(load_with_readers, service, load, rows)
        )
        title = f"{engine.title}, {rows:,} rows"
        subtitle = f"{RATE} callbacks/s while {len(CLIENTS)} clients read"
        yield Section(f"{title}: {subtitle}", COLUMNS, runs, base="without readers")
        yield time_questions(f"{title}: questions, one at a time", service, plan, rows)


def load_alone(service: Service, load: Load, turn: int) -> Run:
    """Send callbacks while nobody reads."""
    service.await_idle(Part.READ)
    run = load_once(service, load, turn)
    return Run("without readers", "**ours**, without readers", turn, run.figures, run.fault)


def load_with_readers(service: Service, load: Load, rows: int, turn: int) -> Run:
    """Send callbacks while readers ask one question after another."""
    counts: Counter[str] = Counter()
    with reading(service, rows, counts):
        time.sleep(SETTLE_SECONDS)
        before, began = Counter(counts), time.perf_counter()
        run = load_once(service, load, turn)
        counts.subtract(before)
        took = time.perf_counter() - began
        figures = {
            **run.figures,
            "questions": counts["answered"] / took,
            "unanswered": float(counts["unanswered"]),
        }
    return Run("with readers", "**ours**, with readers", turn, figures, run.fault)


@contextmanager
def reading(service: Service, rows: int, counts: Counter[str]) -> Iterator[None]:
    """Let all clients ask until the block ends."""
    ended = Event()
    with ThreadPoolExecutor(len(CLIENTS)) as pool:
        for number, name in enumerate(CLIENTS):
            ask = make_questions(rows)[name]
            pool.submit(ask_until, ended, service.read_port, partial(ask, seeded(number)), counts)
        try:
            yield
        finally:
            ended.set()


def seeded(seed: int) -> random.Random:
    """Make a source of random choices that are the same in every run."""
    return random.Random(seed)  # noqa: S311 (no secrets here)


def ask_until(ended: Event, port: int, ask: Callable[[], str], counts: Counter[str]) -> None:
    """Ask repeatedly; leave an answer unread when it is time to stop."""
    while not ended.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        with closing(connection):
            try:
                while not ended.is_set():
                    is_answered = read_until(ended, connection, ask())
                    counts["answered" if is_answered else "unanswered"] += 1
            except (OSError, http.client.HTTPException):
                counts["unanswered"] += 1


def read_until(ended: Event, connection: http.client.HTTPConnection, address: str) -> bool:
    """Ask once, and read the answer; return whether there was one."""
    connection.request("GET", address, headers=HEADERS)
    answer = connection.getresponse()
    while not ended.is_set() and answer.read(PIECE_BYTES):
        pass
    return answer.status == 200


def time_questions(title: str, service: Service, plan: Plan, rows: int) -> Table:
    """Ask each question in turn over one connection, repeatedly; exports once.

    Raises:
        RuntimeError: the answer is not 200.
    """
    questions, choose, never = make_questions(rows), seeded(0), Event()
    times: dict[str, list[float]] = {name: [] for name in questions}
    connection = http.client.HTTPConnection("127.0.0.1", service.read_port, timeout=600)
    with closing(connection):
        for number in range(20 * plan.rounds):
            for name, spent in times.items():
                if name != "export" or number == 0:
                    began = time.perf_counter()
                    if not read_until(never, connection, questions[name](choose)):
                        raise RuntimeError(f"{name} is not answered")
                    spent.append(1000 * (time.perf_counter() - began))
    lines = [
        [name, f"{percentile(spent, 50):.1f}", f"{percentile(spent, 99):.1f}"]
        for name, spent in times.items()
    ]
    return Table(title, ["question", "p50 ms", "p99 ms"], lines)


def percentile(values: list[float], percent: int) -> float:
    """Return the value that ``percent`` of the values do not exceed."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]
