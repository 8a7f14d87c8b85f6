"""One trial: the service under load, a fault, and the fate of every callback."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import chain

import sqlalchemy as sa

from models.vocabulary import Measure
from tests.faults.callbacks import KINDS, Callback, distinct_callbacks
from tests.faults.checker import (
    Findings,
    check,
    read_counts,
    read_database,
    read_losses,
    read_marks,
)
from tests.faults.forms import OUTAGE_SECONDS, by_form
from tests.faults.rig.interposer import Interposer
from tests.faults.rig.proxy import CommitProxy
from tests.faults.rig.sender import Attempt, Senders
from tests.faults.rig.service import Service

CALLBACKS_PER_SECOND = by_form(100, 200)
RECOVERY_SECONDS = 60
QUIET_SECONDS = 0.3  # before a fault, and after it
POLL_SECONDS = 0.02
WELL = 20  # callbacks acknowledged in a row


@dataclass
class Trial:
    """What happened so far.

    Attributes:
        services: one for each host.
        interposers: of the receiver, and of the recorder; none unless asked for.
        clocks_agree: whether service and senders have the same time.
        senders: each with the answers it saw.
        strikes: how often something was broken.
        stored: deliveries in the database at the end.
        counts: what the service counted.
        told_losses: how many lost callbacks the service events report.
        seconds_to_drain: the longest time from the end of a fault until nothing older was waiting.
        findings: none until the end.
    """

    loop: object
    services: Sequence[Service]
    database_url: sa.URL
    proxy: CommitProxy | None = None
    interposers: Sequence[Interposer] = ()
    clocks_agree: bool = True
    senders: list[Senders] = field(default_factory=list)
    strikes: int = 0
    stored: int = 0
    counts: dict[Measure, int] = field(default_factory=dict)
    told_losses: int = 0
    seconds_to_drain: float = 0
    findings: Findings | None = None

    @property
    def service(self) -> Service:
        """The one of the first host."""
        return self.services[0]

    @property
    def attempts(self) -> list[Attempt]:
        """Every answer, by each host in turn."""
        return [*chain.from_iterable(senders.attempts for senders in self.senders)]

    def send(self, callbacks: Iterable[Callback], *, host: int = 0, **pace) -> Senders:
        """Start sending to a host, and note every answer."""
        senders = Senders(self.loop, self.services[host].port, callbacks, **pace)
        self.senders.append(senders)
        return senders

    @contextmanager
    def load(self, *, until_well: bool = True, kinds=KINDS) -> Iterator[None]:
        """Send before, during and after a fault, and until all is well again."""
        sending = [
            self.send(
                distinct_callbacks(kinds, host=f"{host}-"),
                host=host,
                per_second=CALLBACKS_PER_SECOND / len(self.services),
            )
            for host in range(len(self.services))
        ]
        try:
            time.sleep(QUIET_SECONDS)
            yield
            if until_well:
                self.wait_until_drained()
                self.wait_until_acknowledged()
                time.sleep(QUIET_SECONDS)
        finally:
            for senders in sending:
                senders.stop()

    def outage(self, fault: AbstractContextManager, seconds: float = OUTAGE_SECONDS) -> None:
        """Let a fault last."""
        with fault:
            self.strikes += 1
            time.sleep(seconds)

    def wait_until_drained(self) -> bool:
        """Wait, within limits, until everything that the journal has now is recorded."""
        start = time.monotonic()
        sizes = dict(chain.from_iterable(one.sizes().items() for one in self.services))
        drained = wait_until(lambda: self.is_recorded(sizes))
        self.seconds_to_drain = max(self.seconds_to_drain, time.monotonic() - start)
        return drained

    def is_recorded(self, sizes: dict[str, int]) -> bool:
        """Tell whether segments are recorded up to these sizes, and nothing is set aside."""
        with suppress(sa.exc.SQLAlchemyError):
            marks = read_marks(self.database_url)
            return all(
                marks.get(segment, 0) >= size
                for service in self.services
                for segment, size in sizes.items()
                if segment in service.sizes()
            ) and not any(service.stuck() for service in self.services)
        return False

    def wait_until_recording(self, seconds: float = RECOVERY_SECONDS) -> bool:
        """Wait until a recorder has recorded something more."""
        before = read_marks(self.database_url)
        return wait_until(lambda: read_marks(self.database_url) != before, seconds)

    def wait_until_acknowledged(self) -> bool:
        """Wait, within limits, until all is well."""
        return wait_until(lambda: self.is_well)

    def prove(self) -> None:
        """Compare the database with what the senders saw."""
        deliveries, events = read_database(self.database_url)
        self.stored = len(deliveries)
        self.counts = read_counts(self.database_url)
        self.told_losses = read_losses(self.database_url)
        self.findings = check(self.attempts, deliveries, events)
        if not self.clocks_agree:
            self.findings = replace(self.findings, misdated=())

    @property
    def longest_wait(self) -> float:
        """The longest time, in seconds, that a callback was only in the journal."""
        return self.counts.get(Measure.DELAY_MICROSECONDS, 0) / 1e6

    @property
    def longest_answer(self) -> float:
        """The longest time, in seconds, that an answer took."""
        return max(attempt.seconds for attempt in self.attempts)

    @property
    def is_well(self) -> bool:
        """Whether the last callbacks in a row were acknowledged."""
        return all(
            attempt.acknowledged for senders in self.senders for attempt in senders.attempts[-WELL:]
        )

    @property
    def only_cut_off(self) -> bool:
        """Whether each callback that was not acknowledged got no answer at all."""
        return not any(attempt.status for attempt in self.attempts if not attempt.acknowledged)

    @property
    def refused(self) -> Counter[str]:
        """The attempts that were not acknowledged, counted by what the sender saw instead."""
        return Counter(attempt.outcome for attempt in self.attempts if not attempt.acknowledged)


def wait_until(condition: Callable[[], bool], seconds: float = RECOVERY_SECONDS) -> bool:
    give_up = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < give_up:
        time.sleep(POLL_SECONDS)
    return met


def p99(attempts: Sequence[Attempt]) -> float:
    """Return within how many milliseconds 99 of 100 answers came."""
    return sorted(attempt.seconds * 1000 for attempt in attempts)[int(len(attempts) * 0.99)]
