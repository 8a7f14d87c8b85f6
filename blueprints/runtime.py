"""What a view needs beyond its request."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import current_app

from config import Settings
from models.session import Database


def utc_now() -> datetime:
    """Tell the current instant, timezone-aware."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Runtime:
    """The parts an app was assembled from."""

    settings: Settings
    database: Database
    now: Callable[[], datetime]


def runtime() -> Runtime:
    """Return the parts of the current app."""
    here: Runtime = current_app.extensions["runtime"]
    return here
