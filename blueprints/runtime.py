"""What a view needs beyond its request."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import current_app

from config import Settings
from models.session import Database
from services.keeper import Keeper
from services.quarantine import Quarantine


def utc_now() -> datetime:
    """Tell the current instant, timezone-aware."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Runtime:
    """The parts an app was assembled from.

    Attributes:
        keeper: makes callbacks durable.
        quarantine: keeps what was refused.
    """

    settings: Settings
    database: Database
    keeper: Keeper
    quarantine: Quarantine
    now: Callable[[], datetime]

    def close(self) -> None:
        """Finish what has begun, and let go of the database."""
        self.keeper.close()
        self.quarantine.committer.close()
        self.database.close()


def runtime() -> Runtime:
    """Return the parts of the current app."""
    here: Runtime = current_app.extensions["runtime"]
    return here
