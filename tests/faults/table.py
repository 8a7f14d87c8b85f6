"""The figures of every trial as one Markdown table."""

from dataclasses import dataclass

import pytest

from tests.faults.trial import Trial, p99

HEAD = (
    "fault",
    "on",
    "times",
    "sent",
    "acknowledged",
    "stored",
    "lost",
    "doubled",
    "refused",
    "p99 ms",
    "longest ms",
    "drained after s",
    "longest in the journal s",
)


@dataclass(frozen=True)
class Row:
    """The figures of one trial, in the order of ``HEAD``.

    ``times`` counts what was broken; ``sent``, ``acknowledged``, ``stored`` and ``refused`` count
    deliveries, repeats included; ``lost`` and ``doubled`` count markers.
    """

    cells: tuple[str, ...]

    @classmethod
    def of(cls, node: pytest.Item, trial: Trial) -> "Row":
        refused = trial.refused.total()
        figures = (
            trial.strikes,
            len(trial.attempts),
            len(trial.attempts) - refused,
            trial.stored,
            len(trial.findings.lost),
            len(trial.findings.doubled),
            refused,
            round(p99(trial.attempts)),
            round(max(attempt.seconds for attempt in trial.attempts) * 1000),
        )
        drained = f"{trial.seconds_to_drain:.1f}" if trial.seconds_to_drain > 0.05 else ""
        waited = f"{trial.longest_wait:.1f}"
        fault = node.originalname.removeprefix("test_").replace("_", " ")
        return cls((fault, node.callspec.id, *map(str, figures), drained, waited))


def write(rows: list[Row]) -> str:
    lines = [HEAD, ["---"] * 2 + ["--:"] * (len(HEAD) - 2), *(row.cells for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
