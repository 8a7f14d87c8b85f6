"""Measure one service under one load."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from bench.client import Answers, Load, send
from bench.processes import cpu_seconds, memory_mb
from bench.services import Service, last_lines
from bench.spool import watching

WARM_UP = Load(connections=64, seconds=1)


@dataclass(frozen=True)
class Run:
    """What one load on one service came to, or one try of a database's limit.

    Attributes:
        turn: in which round; runs of one round are compared with each other.
        rate: callbacks a second.
        service_us: CPU time of the service for one callback, in microseconds.
        database_us: that of PostgreSQL.
        memory_mb: what the service held at the end.
        stored: rows found for this load; none where nothing is to be stored.
        spooled_kb: what was seen waiting in the spool.
        fault: why it does not count, or empty.
    """

    name: str
    title: str
    turn: int
    rate: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    service_us: float | None = None
    database_us: float | None = None
    memory_mb: float | None = None
    answered: int = 0
    stored: int | None = None
    spooled_kb: float = 0
    fault: str = ""


def warm_up(services: Iterable[Service]) -> None:
    """Let each service open its connections and fill its caches."""
    for service in services:
        send(service.port, WARM_UP)


def measure(service: Service, load: Load, turn: int) -> Run:
    """Load one service, and look at what it cost and what it kept."""
    database, stores = service.database, service.contender.stores
    database.come_to_rest()
    before = database.fetch_newest_id() if stores else 0
    service_cpu, database_cpu = cpu_seconds(service.pid), database.cpu_seconds()
    with watching(service.spool) as spool:
        answers = send(service.port, load)
        service_cpu = cpu_seconds(service.pid) - service_cpu
        database_cpu = database.cpu_seconds() - database_cpu
        memory = memory_mb(service.pid)
        drained = spool.wait_until_drained()
    stored = database.count_newer(before) if stores else None
    fault = answers.fault or check(answers, stored, drained=drained)
    per_answer = 1e6 / max(answers.answered, 1)
    run = Run(
        service.contender.name,
        service.contender.title,
        turn,
        rate=answers.rate,
        p50_ms=answers.p50_ms,
        p99_ms=answers.p99_ms,
        service_us=service_cpu * per_answer,
        database_us=database_cpu * per_answer if database.pid and stores else None,
        memory_mb=memory,
        answered=answers.answered,
        stored=stored,
        spooled_kb=spool.seen_kb,
        fault=fault,
    )
    tell(run, load, service)
    return run


def check(answers: Answers, stored: int | None, *, drained: bool) -> str:
    """Say what is wrong with what was kept, or nothing.

    A callback that was still without an answer in the end may have been stored or not.
    """
    if not drained:
        return "the spool was not drained"
    if stored is not None and not answers.answered <= stored <= answers.sent:
        return f"{answers.answered} acknowledged, {stored} stored"
    return ""


def tell(run: Run, load: Load, service: Service) -> None:
    """Show progress."""
    pace = f"at {load.rate:.0f}/s" if load.rate else ""
    print(
        f"{run.turn + 1}  {run.name:<10} {load.connections:>3} connections {pace:<10} "
        f"{run.rate:>8.0f}/s  p50 {run.p50_ms:>7.1f} ms  p99 {run.p99_ms:>7.1f} ms  {run.fault}",
        file=sys.stderr,
    )
    if run.fault:
        print(last_lines(service.folder / "log"), file=sys.stderr)


def median_rate(runs: Iterable[Run], name: str) -> float:
    """Tell how fast one service was in the middle of its runs."""
    return median([run.rate for run in runs if run.name == name and not run.fault] or [0])
