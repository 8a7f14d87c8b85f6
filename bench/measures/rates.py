"""Measure callbacks per second: with the recorder at work, without it, and on many rows."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

from bench.client import Load
from bench.contenders import OURS
from bench.databases import Engine
from bench.fill import SUBJECTS_OF_A_KIND, fill
from bench.report import Column, Section
from bench.services import preparing, serving, start_receiving
from bench.turns import Plan, loads, warm_up

BURST_SECONDS = 10
ROWS = 10_000_000
RATES = (
    Column("acknowledged/s", "rate"),
    Column("ours ÷ it", "rate", "{:.2f}", "base ÷ it"),
)
SUSTAINED = (
    Column("in the tables/s", "sustained"),
    Column("ours ÷ it", "sustained", "{:.2f}", "base ÷ it"),
    Column("last one behind, ms", "behind_ms"),
)
ANSWERS = (
    Column("p50 ms", "p50_ms", "{:.1f}"),
    Column("p99 ms", "p99_ms", "{:.1f}"),
    Column("p99 of ours ÷ its", "p99_ms", "{:.2f}", "base ÷ it"),
)
COSTS = (
    Column("service CPU µs", "service_us"),
    Column("database CPU µs", "database_us"),
    Column("memory MB", "memory_mb"),
)


def measure_sustained(plan: Plan, engine: Engine) -> Iterator[Section]:
    """Send at full load; wait until the last callback is in the tables."""
    contenders = plan.choose(engine, *(one.name for one in plan.contenders))
    with ExitStack() as stack:
        services = [stack.enter_context(serving(one, engine, plan.folder)) for one in contenders]
        warm_up(services)
        runs = plan.take_turns(*loads(services, plan.full_load))
    title = f"{engine.title}: full load on {plan.connections} connections"
    yield Section(title, [*RATES, *SUSTAINED, *ANSWERS, *COSTS], runs)


def measure_burst(plan: Plan, engine: Engine) -> Iterator[Section]:
    """Send at full load while the recorder is stopped."""
    with ExitStack() as stack:
        services = [
            stack.enter_context(serving(one, engine, plan.folder))
            for one in plan.choose(engine, "ours", "ceiling", "go")
        ]
        warm_up(services)
        seconds = BURST_SECONDS if plan.seconds > 1 else 1
        load = replace(plan.full_load, seconds=seconds)
        runs = plan.take_turns(*loads(services, load, bursts=True))
    title = f"{engine.title}: burst of {seconds} s while the recorder is stopped"
    yield Section(title, [*RATES, *ANSWERS], runs)


def measure_rows(plan: Plan, engine: Engine) -> Iterator[Section]:
    """Send at full load, to tables that already hold rows and to empty ones."""
    with ExitStack() as stack:
        services = []
        for rows in (0, plan.rows or ROWS):
            contender = replace(OURS, name=f"ours on {rows:,}", title=f"**ours** on {rows:,} rows")
            service = stack.enter_context(preparing(contender, engine, plan.folder))
            if rows:
                fill(service.database, rows, service.folder)
            start_receiving(service)
            services.append(service)
        warm_up(services)
        load = Load(plan.connections, plan.seconds, subjects=SUBJECTS_OF_A_KIND)
        runs = plan.take_turns(*loads(services, load))
    columns = (
        *(replace(one, head="it ÷ none", ratio="it ÷ base") if one.ratio else one for one in RATES),
        *(
            replace(one, head="it ÷ none", ratio="it ÷ base") if one.ratio else one
            for one in SUSTAINED
        ),
        *COSTS,
    )
    title = f"{engine.title}: full load on stored rows"
    yield Section(title, columns, runs, base=services[0].contender.name)
