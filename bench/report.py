"""Write what was measured as Markdown."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.runs import Run

COLUMNS = (
    "| | callbacks/s | ours ÷ it | p50 ms | p99 ms | service CPU µs | database CPU µs | memory MB "
    "| acknowledged | stored | spool kB |"
)
NOTES = """\
Medians of all rounds; in brackets the smallest and the largest. A ratio is taken within a round,
between neighbours in time. CPU is that of all processes of the service, for one callback; SQLite is
a part of it. Memory is what the service holds, without programs and libraries. Every callback is
signed and unlike all others. A round counts if every answer was OK and every acknowledged callback
was in the database afterwards. Latency is corrected for what a stalled connection could not send
meanwhile, as wrk does."""


@dataclass
class Section:
    """One table: the runs of several services under the same load.

    Attributes:
        base: whose rate is divided by that of the others, or divides it.
        inverse: give the others' rate divided by that of the base instead.
        target: the rate that was sent, where it was not as much as possible.
    """

    title: str
    runs: list[Run] = field(default_factory=list)
    base: str = "ours"
    inverse: bool = False
    target: float = 0

    def write(self) -> Iterator[str]:
        """Write it as Markdown, line by line."""
        return write_table(self)


@dataclass(frozen=True)
class Table:
    """A table of anything else; head and lines are cells with bars between them."""

    title: str
    head: str
    lines: Sequence[str]
    runs: Sequence[Run] = ()

    def write(self) -> Iterator[str]:
        """Write it as Markdown, line by line."""
        yield f"| {self.head} |"
        yield "|---" + "|--:" * self.head.count("|") + "|"
        yield from (f"| {line.rstrip()} |" for line in self.lines)


def write_report(facts: Iterable[str], sections: Iterable[Section | Table]) -> str:
    """Write the whole report."""
    parts = ["# Benchmark", "\n".join(f"- {fact}" for fact in facts), NOTES]
    parts += [f"## {section.title}\n\n" + "\n".join(section.write()) for section in sections]
    return "\n\n".join(parts) + "\n"


def write_table(section: Section) -> Iterator[str]:
    """Write one row for each service, in the order of their first turn."""
    head = COLUMNS.replace("ours ÷ it", "it ÷ the first") if section.inverse else COLUMNS
    yield head
    yield "|---" + "|--:" * (COLUMNS.count("|") - 2) + "|"
    for name in dict.fromkeys(run.name for run in section.runs):
        yield "| " + " | ".join(write_row(section, name)) + " |"
    for run in section.runs:
        if run.fault:
            yield f"\nRound {run.turn + 1} of {run.name} does not count: {run.fault}."


def write_row(section: Section, name: str) -> Iterator[str]:
    """Write what one service came to."""
    runs = [run for run in section.runs if run.name == name]
    good = [run for run in runs if not run.fault]
    behind = bool(good) and median(run.rate for run in good) < 0.95 * section.target
    yield runs[0].title + (" (falls behind)" if behind else "")
    yield spread([run.rate for run in good], "{:.0f}")
    yield "" if name == section.base or section.target else ratios(section, good)
    yield middle(good, lambda run: run.p50_ms, "{:.1f}")
    yield middle(good, lambda run: run.p99_ms, "{:.1f}")
    yield middle(good, lambda run: run.service_us, "{:.0f}")
    yield middle(good, lambda run: run.database_us, "{:.0f}")
    yield middle(good, lambda run: run.memory_mb, "{:.0f}")
    yield f"{sum(run.answered for run in good)}" if good and good[0].p50_ms else ""
    stored = [run.stored for run in good if run.stored is not None]
    yield f"{sum(stored)}" if stored else ""
    yield f"{sum(run.spooled_kb for run in good):.0f}" if stored else ""


def ratios(section: Section, runs: Sequence[Run]) -> str:
    """Compare a service with the base, round by round."""
    base = {
        run.turn: run.rate for run in section.runs if run.name == section.base and not run.fault
    }
    pairs = [(base[run.turn], run.rate) for run in runs if run.turn in base and run.rate]
    values = [rate / of if section.inverse else of / rate for of, rate in pairs]
    return spread(values, "{:.2f}")


def spread(values: Sequence[float], form: str) -> str:
    """Write median, smallest and largest."""
    if not values:
        return "none"
    return f"{form} ({form} to {form})".format(median(values), min(values), max(values))


def middle(runs: Sequence[Run], value: Callable[[Run], float | None], form: str) -> str:
    """Write the median of what was measured, or nothing."""
    values = [number for run in runs if (number := value(run)) is not None]
    return form.format(median(values)) if values else ""
