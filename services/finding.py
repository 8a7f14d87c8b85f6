"""What ``doctor`` says of one thing."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: a failure keeps callbacks from being received, stored or read."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Finding:
    """What was found about one thing, in words."""

    level: Level
    about: str
    text: str
