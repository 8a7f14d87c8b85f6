"""What is measured on one database, and in which order."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.client import Load
from bench.contenders import OURS, Contender, ours_on
from bench.databases import Engine
from bench.limits import open_limits
from bench.report import Section
from bench.rows import SUBJECTS_OF_A_KIND
from bench.runs import Run, measure, median_rate, warm_up
from bench.services import Service, serve

Turn = Callable[[int], Run]


@dataclass(frozen=True)
class Plan:
    """What was asked for.

    Attributes:
        contenders: ours first.
        with_limits: also measure the database by itself.
        connections: each number of connections in turn, the largest last.
        rounds: how often each has its turn under each load.
        seconds: length of a turn.
        rows: how many deliveries ours has stored before; 0 first; others are compared with it.
    """

    contenders: Sequence[Contender]
    with_limits: bool
    connections: Sequence[int]
    rounds: int
    seconds: int
    rows: Sequence[int]

    def take_turns(self, turns: Sequence[Turn]) -> list[Run]:
        """Give each its turn, again and again, so that what drifts meets all alike."""
        return [turn(number) for number in range(self.rounds) for turn in turns]


def measure_engine(engine: Engine, plan: Plan, folder: Path) -> Iterator[Section]:
    """Measure all that was asked for on one database."""
    most = plan.connections[-1]
    with ExitStack() as stack:
        contenders = [one for one in plan.contenders if engine.name in one.engines]
        services = [stack.enter_context(serve(one, engine, folder)) for one in contenders]
        limits = stack.enter_context(open_limits(engine, folder, most, plan.seconds))
        warm_up(services)
        for connections in plan.connections:
            turns = load_each(services, Load(connections, plan.seconds))
            if plan.with_limits and connections == most:
                turns += [limit.run for limit in limits]
            runs = plan.take_turns(turns)
            yield Section(f"{engine.title}, {connections} connections", runs)
        if rate := median_rate(runs, OURS) / 2:
            turns = load_each(services, Load(most, plan.seconds, rate=rate))
            title = f"{engine.title}, {most} connections, {rate:.0f} callbacks/s: half of ours"
            yield Section(title, plan.take_turns(turns), target=rate)
    if len(plan.rows) > 1:
        yield measure_rows(engine, plan, folder)


def measure_rows(engine: Engine, plan: Plan, folder: Path) -> Section:
    """Compare ours on a database that holds rows already with ours on an empty one."""
    with ExitStack() as stack:
        services = [
            stack.enter_context(serve(ours_on(rows, plan.contenders[0]), engine, folder, rows=rows))
            for rows in plan.rows
        ]
        warm_up(services)
        load = Load(plan.connections[-1], plan.seconds, subjects=SUBJECTS_OF_A_KIND)
        runs = plan.take_turns(load_each(services, load))
        title = f"{engine.title}, {load.connections} connections, rows stored before"
        return Section(title, runs, base=services[0].contender.name, inverse=True)


def load_each(services: Sequence[Service], load: Load) -> list[Turn]:
    """Prepare a turn of each service."""
    return [partial(measure, service, load) for service in services]
