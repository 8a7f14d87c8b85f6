"""Measure our service beside others: ``python -m bench --help``."""

import signal
import sys
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.client import require_wrk
from bench.contenders import OTHERS, OURS, ROOT, gather
from bench.databases import Engine, find_engine
from bench.machine import describe_machine
from bench.measures.latency import measure_latency, measure_visible
from bench.measures.pages import measure_pages
from bench.measures.rates import measure_burst, measure_rows, measure_sustained
from bench.measures.readers import measure_readers
from bench.measures.traced import measure_traced
from bench.measures.weight import measure_lines, measure_start
from bench.report import Section, Table, write_report
from bench.services import own_folder
from bench.turns import Plan

FOLDER = ROOT / "var" / "bench"  # on a real disk, whose flushes take time
ENGINES = ("sqlite", "postgresql")
QUICK = {"rounds": 1, "seconds": 1, "rows": 20_000}

Measured = Iterator[Section | Table]
ONCE: dict[str, Callable[[Plan], Measured]] = {
    "start": measure_start,
    "traced": measure_traced,
    "lines": measure_lines,
}
ON_EACH_ENGINE: dict[str, Callable[[Plan, Engine], Measured]] = {
    "sustained": measure_sustained,
    "burst": measure_burst,
    "latency": measure_latency,
    "visible": measure_visible,
    "readers": measure_readers,
    "pages": measure_pages,
    "rows": measure_rows,
}
ALL = (*ONCE, *ON_EACH_ENGINE)


def main() -> bool:
    """Measure what was requested, and report; return whether a turn of ours does not count."""
    options = parse_options()
    require_wrk()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # leaves nothing behind
    sections: list[Section | Table] = []
    FOLDER.mkdir(parents=True, exist_ok=True)
    with own_folder(FOLDER) as folder, gather(options.beside, folder) as contenders:
        plan = Plan(
            contenders=contenders,
            rounds=options.rounds,
            seconds=options.seconds,
            connections=options.connections,
            rows=options.rows,
            folder=folder,
            verbose=options.verbose,
        )
        for section in measure(plan, options.measurements or ALL, options.engines):
            sections.append(section)
            print(f"\n## {section.title}\n", *section.write(), sep="\n", file=sys.stderr)
    report = write_report(describe_machine(), sections)
    print(report)
    if options.out:
        options.out.write_text(report)
    return any(run.fault for section in sections for run in section.runs if OURS.name in run.title)


def measure(plan: Plan, wanted: Sequence[str], engines: Sequence[str]) -> Measured:
    """Run one measurement after another, on one database after another."""
    for name in wanted:
        if name in ONCE:
            yield from ONCE[name](plan)
    for engine in map(find_engine, engines):
        for name in wanted:
            if name in ON_EACH_ENGINE:
                print(f"{engine.title}: {name}", file=sys.stderr)
                yield from ON_EACH_ENGINE[name](plan, engine)


def parse_options() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(
        "python -m bench", description=__doc__, formatter_class=ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("measurements", nargs="*", help=f"any of {', '.join(ALL)}; all if none is named")
    add("--engines", type=words(*ENGINES), default=",".join(ENGINES), help="databases")
    add("--beside", type=words(*OTHERS), default=",".join(OTHERS), help="measured beside ours")
    add("--rounds", type=int, default=5, help="turns of each service under each load")
    add("--seconds", type=int, default=10, help="length of a turn")
    add("--connections", type=int, default=64, help="kept open by the client")
    add("--rows", type=int, help="rows stored before, for readers (1 M) and rows (10 M)")
    add("--out", type=Path, help="write the report to this file as well")
    add("--verbose", action="store_true", help="list what was traced")
    add("--quick", action="store_true", help="only see that it runs: one second of each")
    options = parser.parse_args()
    if unknown := set(options.measurements) - set(ALL):
        parser.error(f"{', '.join(unknown)}: choose from {', '.join(ALL)}")
    if options.quick:
        vars(options).update(QUICK)
    return options


def words(*allowed: str) -> Callable[[str], list[str]]:
    """Make a reader of some of the allowed words."""

    def read(text: str) -> list[str]:
        given = list(filter(None, text.split(",")))
        if set(given) - set(allowed):
            raise ArgumentTypeError(f"choose from {', '.join(allowed)}")
        return given

    return read


if __name__ == "__main__":
    sys.exit(main())
