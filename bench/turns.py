"""Load one service after another, and check what each turn cost and stored."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from bench.client import Answers, Load, send
from bench.contenders import OURS, Contender, Part
from bench.databases import Engine, count_newer
from bench.report import Run
from bench.services import Service

Turn = Callable[[int], Run]


@dataclass(frozen=True)
class Plan:
    """The requested measurement.

    Attributes:
        contenders: ours first.
        rounds: how often each has its turn under each load.
        seconds: length of a turn.
        connections: kept open by the client.
        rows: stored beforehand, instead of the default of a measurement.
        folder: for databases and journals, on a real disk, whose flushes take time.
    """

    contenders: Sequence[Contender]
    rounds: int
    seconds: int
    connections: int
    rows: int | None
    folder: Path
    verbose: bool

    @property
    def full_load(self) -> Load:
        """Full load: the next callback as soon as one is answered."""
        return Load(self.connections, self.seconds)

    def choose(self, engine: Engine, *names: str) -> list[Contender]:
        """Choose contenders by name, as far as they are available and written for a database."""
        return [one for one in self.contenders if one.name in names and engine.name in one.engines]

    def take_turns(self, *turns: Turn) -> list[Run]:
        """Give each its turn repeatedly, so that drift affects all alike."""
        return [turn(number) for number in range(self.rounds) for turn in turns]


def warm_up(services: Sequence[Service]) -> None:
    """Let each service open its connections and fill its caches; stop if one does not work."""
    for service in services:
        if load_once(service, Load(connections=64, seconds=1), 0).fault:
            raise SystemExit(f"{service.contender.name} does not work")


def loads(services: Sequence[Service], load: Load, *, bursts: bool = False) -> list[Turn]:
    """Prepare a turn of each service; in a burst, its recorder is stopped meanwhile."""
    return [partial(load_once, service, load, bursts=bursts) for service in services]


def load_once(service: Service, load: Load, turn: int, *, bursts: bool = False) -> Run:
    """Load a service; wait until everything it acknowledged is in the tables."""
    contender = service.contender
    if not contender.stores:
        figures, fault = ask(service, load)
        return tell(Run(contender.name, contender.title, turn, figures, fault), service)
    database = service.database
    database.come_to_rest()
    if bursts:
        service.stop(Part.RECORD)
    with database.watching() as watch:
        cpu = database.cpu_seconds()
        figures, fault = ask(service, load)
        cpu = database.cpu_seconds() - cpu
        if bursts:
            service.start(Part.RECORD)
        answered = int(figures["answered"])
        stored_at = watch.await_stored(answered, is_working=service.is_working)
    stored = count_newer(database, watch.before)
    if database.pid:
        figures["database_us"] = 1e6 * cpu / max(figures["answered"], 1)
    if stored_at is not None:
        until = max(stored_at, figures["last"])
        figures["sustained"] = figures["answered"] / (until - figures["first"])
        figures["behind_ms"] = 1000 * (until - figures["last"])
    figures["stored"] = stored
    if stored_at is None or not figures["answered"] <= stored <= figures["sent"]:
        fault = fault or f"{figures['answered']:.0f} acknowledged, {stored} stored"
    return tell(Run(contender.name, contender.title, turn, figures, fault), service)


def ask(service: Service, load: Load) -> tuple[dict[str, float], str]:
    """Send callbacks; return figures of the answers and of the service, and any fault."""
    cpu = service.cpu_seconds()
    answers = send(service.port, load)
    cpu = service.cpu_seconds() - cpu
    return {**count(answers), **weigh(service, cpu, answers.answered)}, answers.fault


def count(answers: Answers) -> dict[str, float]:
    """Return the figures of some answers."""
    names = ("sent", "answered", "first", "last", "rate", "p50_ms", "p99_ms")
    return {name: getattr(answers, name) for name in names}


def weigh(service: Service, cpu: float, answered: int) -> dict[str, float]:
    """Return the figures of the CPU seconds that the service used for so many callbacks."""
    return {"service_us": 1e6 * cpu / max(answered, 1), "memory_mb": service.private_mb()}


def tell(run: Run, service: Service) -> Run:
    """Show progress."""
    figures = run.figures
    print(
        f"{run.turn + 1}  {run.name:<12} {figures['rate']:>8.0f}/s"
        f"  in the tables {figures.get('sustained', 0):>8.0f}/s"
        f"  p50 {figures['p50_ms']:>7.1f} ms  p99 {figures['p99_ms']:>7.1f} ms  {run.fault}",
        file=sys.stderr,
    )
    if run.fault:
        print(*map(service.read_log, service.running), sep="\n", file=sys.stderr)
    return run


def median_rate(runs: Sequence[Run], name: str = OURS.name) -> float:
    """Return the median rate of a service."""
    return median(
        [run.figures["rate"] for run in runs if run.name == name and not run.fault] or [0]
    )
