"""What ``doctor`` reports about one thing, in plain English."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is; a failure keeps callbacks from being received, recorded or read."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    level: Level
    about: str
    text: str


def count(number: int, noun: str) -> str:
    """Write a number with its noun: ``1 callback``, ``2 callbacks``, ``3 deliveries``."""
    plural = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def duration(seconds: float) -> str:
    """Write a duration in the unit that suits it: ``3 s``, ``5 min``, ``7 h``, ``12 days``."""
    for length, unit in ((86400, "day"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            number = int(seconds // length)
            return count(number, unit) if unit == "day" else f"{number} {unit}"
    return f"{seconds:.0f} s"
