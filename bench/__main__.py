"""Measure our service beside others: ``python -m bench --help``."""

import sys
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.client import require_wrk
from bench.contenders import OURS, PEERS, ROOT, ours, peers
from bench.databases import find_engine
from bench.machine import describe_machine
from bench.plan import Plan, measure_engine
from bench.reading import measure_reading
from bench.report import Section, Table, write_report
from bench.services import own_folder

FOLDER = ROOT / "var" / "bench"  # on a disk whose flushes cost what they cost
ENGINES = ("sqlite", "postgresql")
LEAST_TO_READ = 200_000  # so that there are a thousand pages of anything
QUICK = {"rounds": 1, "seconds": 1, "connections": [64]}


def main() -> bool:
    """Measure what was asked for, and report; tell whether a run of ours does not count."""
    options = parse_options()
    require_wrk()
    sections: list[Section | Table] = []
    FOLDER.mkdir(parents=True, exist_ok=True)
    with own_folder(FOLDER) as folder:
        plan = Plan(
            contenders=[ours(options.root.resolve()), *peers(options.peers, folder)],
            with_limits="limit" in options.peers,
            connections=options.connections,
            rounds=options.rounds,
            seconds=options.seconds,
            rows=sorted({0, *options.rows}),
        )
        for name in options.engines:
            engine = find_engine(name)
            measured: Iterator[Section | Table] = (
                measure_reading(engine, plan.contenders[0], options.rows, folder)
                if options.reads
                else measure_engine(engine, plan, folder)
            )
            for section in measured:
                sections.append(section)
                print(section.title, *section.write(), sep="\n", file=sys.stderr)
    report = write_report(describe_machine(), sections)
    print(report)
    if options.out:
        options.out.write_text(report)
    return any(
        run.fault for section in sections for run in section.runs if run.name.startswith(OURS)
    )


def parse_options() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(
        "python -m bench", description=__doc__, formatter_class=ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--engines", type=words(*ENGINES), default=",".join(ENGINES), help="databases")
    add("--connections", type=numbers, default="16,64", help="kept open by the client")
    add("--rounds", type=int, default=5, help="turns of each service under each load")
    add("--seconds", type=int, default=5, help="length of a turn")
    add("--peers", type=words(*PEERS), default=",".join(PEERS), help="who runs beside ours")
    add("--rows", type=numbers, default="0", help="rows stored before; above 0, compared with none")
    add("--reads", action="store_true", help="measure what readers get instead, on --rows")
    add("--out", type=Path, help="write the report to this file as well")
    add("--root", type=Path, default=ROOT, help="tree that our service is taken from")
    add("--quick", action="store_true", help="only see that it runs: one second of each")
    options = parser.parse_args()
    if options.reads and options.rows[-1] < LEAST_TO_READ:
        parser.error(f"--reads wants {LEAST_TO_READ} rows or more: --rows 10000,10000000")
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


def numbers(text: str) -> list[int]:
    """Read whole numbers, and sort them."""
    return sorted(int(number) for number in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
