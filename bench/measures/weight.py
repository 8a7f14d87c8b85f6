"""Measure the receiver in seconds and bytes, and the code in lines."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from bench.client import Load, send
from bench.contenders import ROOT, Contender, Part
from bench.databases import find_engine
from bench.machine import family, resident_mb
from bench.report import Column, Run, Section, Table
from bench.services import Service, preparing
from bench.turns import Plan

THOUSAND = Load(connections=8, seconds=1, rate=1000)
ROOMS = ("config", "blueprints", "services", "schemas", "models", "serving")
TOP_LEVEL, ALL = "top level", "all"
STARTING = (
    Column("start until it answers, s", "start_seconds", "{:.2f}"),
    Column("ours ÷ it", "start_seconds", "{:.2f}", "base ÷ it"),
    Column("a worker after 1,000 callbacks, MB", "worker_mb", "{:.0f}"),
    Column("ours ÷ its", "worker_mb", "{:.2f}", "base ÷ it"),
)


def measure_start(plan: Plan) -> Iterator[Section]:
    """Start a receiver, query it until it answers, and send it a thousand callbacks."""
    engine = find_engine("sqlite")
    runs = [
        start_once(contender, plan, turn)
        for turn in range(plan.rounds)
        for contender in plan.choose(engine, "ours", "before", "ceiling")
    ]
    yield Section("Start and memory of the receiver", STARTING, runs)


def start_once(contender: Contender, plan: Plan, turn: int) -> Run:
    """Start a contender's receiver on empty tables, and stop it."""
    with preparing(contender, find_engine("sqlite"), plan.folder) as service:
        began = perf_counter()
        service.start(Part.RECEIVE)
        service.await_answer(Part.RECEIVE, service.port)
        took = perf_counter() - began
        answers = send(service.port, THOUSAND)
        figures = {"start_seconds": took, "worker_mb": largest_worker_mb(service)}
    return Run(contender.name, contender.title, turn, figures, answers.fault)


def largest_worker_mb(service: Service) -> float:
    """Return the memory of the largest child of the receiver's first process."""
    _, *workers = family(service.running[Part.RECEIVE].pid)
    return max(map(resident_mb, workers))


def measure_lines(plan: Plan) -> Iterator[Table]:
    """Count the lines of Python in each room, as ``wc -l`` does; a room includes its folders."""
    trees = {"ours": ROOT}
    trees |= {one.name: one.root for one in plan.contenders if one.name == "before"}
    counts = {name: count_lines(root) for name, root in trees.items()}
    folders = sorted({folder for one in counts.values() for folder in one} - {ALL})
    rows = [[name, *(f"{one[name]:,}" for one in counts.values())] for name in (*folders, ALL)]
    yield Table("Lines of application code", ["room", *trees], rows)


def count_lines(root: Path) -> Counter[str]:
    """Count by folder, for the top level and the rooms of a tree."""
    files = [*root.glob("*.py")]
    files += [file for room in ROOMS for file in (root / room).rglob("*.py")]
    counts: Counter[str] = Counter()
    for file in files:
        lines = file.read_bytes().count(b"\n")
        folders = [one.as_posix() for one in file.relative_to(root).parents[:-1]]
        counts.update(dict.fromkeys([*(folders or [TOP_LEVEL]), ALL], lines))
    return counts
