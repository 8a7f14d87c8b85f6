"""A circuit breaker: who knows that the database is away does not wait for it."""

import logging
import time

from sqlalchemy.exc import DBAPIError

RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


class Breaker:
    """Remembers whether the database takes callbacks.

    Attributes:
        is_open: it does not, as far as we know; "open" as a switch that lets no current through.
    """

    def __init__(self) -> None:
        self.is_open = False
        self.opened_at = 0.0

    def open(self, fault: BaseException) -> None:
        """Send callbacks past the database from now on."""
        if not self.is_open:
            self.opened_at = time.monotonic()
            self.is_open = True
            log.warning("callbacks go to the spool: %s", describe(fault))

    @property
    def may_close(self) -> bool:
        """Whether it is time to ask the database again."""
        return time.monotonic() >= self.opened_at + RETRY_SECONDS

    def close(self) -> None:
        """Send callbacks to the database again."""
        if self.is_open:
            self.is_open = False
            log.warning("callbacks go to the database again")


def describe(fault: BaseException) -> str:
    """Say in one line what is wrong, in the words of the database rather than of SQLAlchemy."""
    cause = fault.orig if isinstance(fault, DBAPIError) and fault.orig else fault
    return " ".join(f"{type(cause).__name__} {cause}".split())
