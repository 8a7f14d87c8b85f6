"""One trial: the service under load, a fault, and what became of every callback."""

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa

from tests.faults.callbacks import Callback, distinct_callbacks
from tests.faults.checker import Findings, check, count_deliveries, read_database
from tests.faults.proxy import CommitProxy
from tests.faults.sender import Attempt, Senders
from tests.faults.service import Service

FORM = os.environ.get("FAULTS", "short")
OUTAGE_SECONDS = {"short": 1.5, "full": 15}[FORM]
CALLBACKS_PER_SECOND = {"short": 100, "full": 200}[FORM]
RECOVERY_SECONDS = {"short": 20, "full": 60}[FORM]
QUIET_SECONDS = 0.3  # before a fault, and after it
WELL = 20  # callbacks acknowledged one after the other


@dataclass
class Trial:
    """What happened so far.

    Attributes:
        strikes: how often something was broken.
        stored: deliveries in the database at the end.
        spooled_bytes: in the spool at the end of an outage, at most.
        seconds_to_drain: from the end of a fault until nothing waited in the spool, at most.
        findings: none until the end.
    """

    loop: object
    service: Service
    database_url: sa.URL
    proxy: CommitProxy | None = None
    attempts: list[Attempt] = field(default_factory=list)
    strikes: int = 0
    stored: int = 0
    spooled_bytes: int = 0
    seconds_to_drain: float = 0
    findings: Findings | None = None

    def send(self, callbacks: Iterable[Callback], **pace) -> Senders:
        """Start to send, and note every answer."""
        senders = Senders(self.loop, self.service.port, callbacks, **pace)
        self.attempts = senders.attempts
        return senders

    @contextmanager
    def load(self, *, until_well: bool = True) -> Iterator[None]:
        """Send before, during and after a fault, and on until all is well again."""
        senders = self.send(distinct_callbacks(), per_second=CALLBACKS_PER_SECOND)
        try:
            time.sleep(QUIET_SECONDS)
            yield
            if until_well:
                self.wait_until_drained()
                self.wait_until_acknowledged()
                time.sleep(QUIET_SECONDS)
        finally:
            senders.stop()

    def outage(self, fault: AbstractContextManager, seconds: float = OUTAGE_SECONDS) -> None:
        """Let a fault last."""
        with fault:
            self.strikes += 1
            time.sleep(seconds)
            self.spooled_bytes = max(self.spooled_bytes, self.service.spooled_bytes())

    def wait_until_drained(self) -> bool:
        """Wait until no file is left in the spool, but not for ever."""
        start = time.monotonic()
        drained = wait_until(lambda: not self.service.segments())
        self.seconds_to_drain = max(self.seconds_to_drain, time.monotonic() - start)
        return drained

    def wait_until_drain_begins(self) -> bool:
        """Wait until something from the spool is stored; nothing else may be sent meanwhile."""
        stored = count_deliveries(self.database_url)
        return wait_until(
            lambda: not self.service.segments() or count_deliveries(self.database_url) > stored
        )

    def wait_until_acknowledged(self) -> bool:
        """Wait until all is well, but not for ever."""
        return wait_until(lambda: self.is_well)

    def prove(self) -> None:
        """Hold the database against what the senders saw."""
        deliveries, events = read_database(self.database_url)
        self.stored = len(deliveries)
        self.findings = check(self.attempts, deliveries, events)

    @property
    def is_well(self) -> bool:
        """Whether the last callbacks in a row were acknowledged."""
        return all(attempt.acknowledged for attempt in self.attempts[-WELL:])

    @property
    def only_cut_off(self) -> bool:
        """Whether whoever was not acknowledged got no answer at all."""
        return not any(attempt.status for attempt in self.attempts if not attempt.acknowledged)

    @property
    def refused(self) -> Counter[str]:
        """Everything that was not acknowledged, by what the sender saw instead."""
        return Counter(attempt.outcome for attempt in self.attempts if not attempt.acknowledged)


def wait_until(condition) -> bool:
    give_up = time.monotonic() + RECOVERY_SECONDS
    while not (met := condition()) and time.monotonic() < give_up:
        time.sleep(0.01)
    return met
