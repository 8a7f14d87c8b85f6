"""Write the results as Markdown."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

NOTES = """\
Medians of all rounds; the smallest and the largest in brackets. A ratio is taken within a round,
between neighbours in time. A turn counts only if every answer was OK and every acknowledged
callback was in the tables afterwards. wrk corrects p50 and p99 for what a stalled connection could
not send. CPU is the time of all processes for one callback; SQLite is a part of the service."""


@dataclass(frozen=True)
class Run:
    """One turn of one service.

    Attributes:
        turn: the round; runs of one round are compared with each other.
        figures: the measured values, by name.
        fault: why it does not count; empty if it does.
    """

    name: str
    title: str
    turn: int
    figures: Mapping[str, float] = field(default_factory=dict)
    fault: str = ""


@dataclass(frozen=True)
class Column:
    """One column of a section.

    Attributes:
        figure: the one whose median is shown.
        ratio: the ratio to show instead: ``base ÷ it`` or ``it ÷ base``; empty for the figure
            itself.
    """

    head: str
    figure: str
    form: str = "{:.0f}"
    ratio: str = ""

    def write(self, runs: Sequence[Run], base: Mapping[int, Run]) -> str:
        """Write one cell.

        Args:
            runs: the runs of one service that count.
            base: the runs it is compared with, by turn.
        """
        values = [run.figures[self.figure] for run in runs if self.figure in run.figures]
        if self.ratio:
            if any(base.get(run.turn) is run for run in runs):
                return ""
            values = [*self.compare(runs, base)]
        if not values:
            return ""
        middle, least, most = median(values), min(values), max(values)
        if len(values) == 1:
            return self.form.format(middle)
        return f"{self.form} ({self.form} to {self.form})".format(middle, least, most)

    def compare(self, runs: Sequence[Run], base: Mapping[int, Run]) -> Iterator[float]:
        """Compare runs with the base, round by round."""
        for run in runs:
            if run.turn in base:
                of, it = base[run.turn].figures.get(self.figure), run.figures.get(self.figure)
                if of and it:
                    yield of / it if self.ratio == "base ÷ it" else it / of


@dataclass(frozen=True)
class Section:
    """One table: the runs of several services under the same load.

    Attributes:
        base: the name of the service that others are compared with.
    """

    title: str
    columns: Sequence[Column]
    runs: Sequence[Run]
    base: str = "ours"

    def write(self) -> Iterator[str]:
        """Write a row for each service, in the order of their first turn."""
        yield from write_head(["", *(column.head for column in self.columns)])
        good = [run for run in self.runs if not run.fault]
        base = {run.turn: run for run in good if run.name == self.base}
        for name, title in {run.name: run.title for run in self.runs}.items():
            runs = [run for run in good if run.name == name]
            cells = [column.write(runs, base) for column in self.columns]
            yield write_row([title, *cells])
        for run in self.runs:
            if run.fault:
                yield f"\nRound {run.turn + 1} of {run.name} does not count: {run.fault}."


@dataclass(frozen=True)
class Table:
    """A table of anything else."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    runs: Sequence[Run] = ()

    def write(self) -> Iterator[str]:
        """Write the table as Markdown, line by line."""
        yield from write_head(self.head)
        yield from map(write_row, self.rows)
        if self.notes:
            yield from ("", *self.notes)


def write_head(cells: Sequence[str]) -> Iterator[str]:
    """Write the two lines that a table begins with: words left, numbers right."""
    yield write_row(cells)
    yield "|---" + "|--:" * (len(cells) - 1) + "|"


def write_row(cells: Sequence[str]) -> str:
    """Write one line of a table."""
    return f"| {' | '.join(cells)} |"


def write_report(facts: Iterable[str], sections: Iterable[Section | Table]) -> str:
    """Write the whole report."""
    parts = ["# Benchmark", "\n".join(f"- {fact}" for fact in facts), NOTES]
    parts += [f"## {section.title}\n\n" + "\n".join(section.write()) for section in sections]
    return "\n\n".join(parts) + "\n"
