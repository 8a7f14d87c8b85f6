"""The callbacks of each hour, laid out as bars of stacked parts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from services.activity import MOST_COUNTED, Counts

HEIGHT = 100  # of the highest bar, in units of the picture
PACE = 30  # from bar to bar
LEAST_HEIGHT = 2  # so that one of thousands can be seen


@dataclass(frozen=True)
class Part:
    """What one verdict adds to a bar."""

    word: str
    top: float
    height: float


@dataclass(frozen=True)
class Bar:
    """One hour.

    Attributes:
        start: of the hour.
        parts: from the ground up.
    """

    start: datetime
    counts: Counts
    left: int
    parts: Sequence[Part]


@dataclass(frozen=True)
class Chart:
    """All hours.

    Attributes:
        most: what the highest bar counts.
        totals: of all hours, by word.
        capped: some of it was not counted to the end.
    """

    bars: Sequence[Bar]
    width: int
    most: int
    totals: Counts
    capped: bool

    @classmethod
    def of(cls, hours: Sequence[tuple[datetime, Counts]]) -> Self:
        """Lay out the counts of some hours."""
        most = max((sum(counts.values()) for _, counts in hours), default=0)
        totals: Counter[str] = Counter()
        for _, counts in hours:
            totals.update(counts)
        bars = [
            Bar(start, counts, PACE * number, stack(counts, most))
            for number, (start, counts) in enumerate(hours)
        ]
        capped = any(count == MOST_COUNTED for _, counts in hours for count in counts.values())
        return cls(bars, PACE * len(bars), most, totals, capped)


def stack(counts: Counts, most: int) -> Sequence[Part]:
    """Put the parts of a bar on top of each other."""
    parts, top = [], float(HEIGHT)
    for word, count in counts.items():
        if count:
            height = max(round(HEIGHT * count / most, 2), LEAST_HEIGHT)
            top = round(top - height, 2)
            parts.append(Part(word, top, height))
    return parts
