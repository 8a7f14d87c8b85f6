"""Keep callbacks: in the database if it takes them in time, else in the spool until it does."""

import time
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import sqlalchemy as sa

from services.breaker import Breaker, describe
from services.callback import Callback
from services.committer import Committer
from services.drainer import Drainer
from services.ingest import store_callbacks
from services.metrics import KEPT_IN_DATABASE, KEPT_IN_SPOOL
from services.spool import Spool

BEFORE_SECONDS = 0.1  # nothing that a user notices
LAST_MOMENT_SECONDS = 1.5  # of Tencent's 2


class NotKeptError(Exception):
    """Neither database nor spool took a callback."""


@dataclass(frozen=True)
class Keeping:
    """A callback that is being kept.

    Attributes:
        storing: done once it is in the database; none if that is known to be away.
        began: when, in the seconds of ``time.monotonic``.
        patience_seconds: how long the database has to take it.
    """

    keeper: "Keeper"
    callback: Callback
    storing: Future[None] | None
    began: float
    patience_seconds: float

    def finish(self) -> None:
        """Wait until it is durable.

        Raises:
            NotKeptError: neither the database nor the disk took it.
        """
        kept = KEPT_IN_DATABASE if self.keeper.finish(self) else KEPT_IN_SPOOL
        kept.observe(time.monotonic() - self.began)

    def seconds_until(self, seconds: float) -> float:
        """Tell what is left of some seconds from the beginning."""
        return max(self.began + seconds - time.monotonic(), 0)


class Keeper:
    """Keeps the callbacks of one process.

    Args:
        engine: the database.
        spool: where callbacks wait while it is away.
        deadline: how long a callback waits for it.
    """

    def __init__(self, engine: sa.Engine, spool: Spool, deadline: timedelta) -> None:
        self.spool = spool
        self.deadline_seconds = deadline.total_seconds()
        self.breaker = Breaker()
        self.committer = Committer[Callback](partial(store_callbacks, engine))
        self.drainer = Drainer(spool, self.committer, self.breaker)

    def keep(self, callback: Callback) -> None:
        """Make a callback durable.

        Raises:
            NotKeptError: neither the database nor the disk took it.
        """
        self.begin(callback).finish()

    def begin(self, callback: Callback) -> Keeping:
        """Begin to keep a callback: those begun before one is finished share a transaction.

        Tencent holds up a user until a "before" command is answered, so that one waits only for a
        database that is fast.
        """
        self.drainer.start()
        storing = None if self.breaker.is_open else self.committer.submit(callback)
        patience = self.deadline_seconds
        if callback.reading.is_before:
            patience = min(patience, BEFORE_SECONDS)
        return Keeping(self, callback, storing, time.monotonic(), patience)

    def finish(self, keeping: Keeping) -> bool:
        """Wait as ``Keeping.finish`` does; tell whether the callback is in the database."""
        storing = keeping.storing
        if storing is not None and self.is_stored_in_time(storing, keeping):
            return True
        try:
            self.spool.append(keeping.callback)
        except OSError as error:
            if self.find_last_fault(storing, keeping) is not None:
                raise NotKeptError(describe(error)) from error
            return True
        if storing is not None:
            storing.cancel()
        self.drainer.wake()
        return False

    def is_stored_in_time(self, storing: Future[None], keeping: Keeping) -> bool:
        """Wait until a callback is stored, and give the database up if that takes too long."""
        fault = self.find_fault(storing, keeping.seconds_until(keeping.patience_seconds))
        slow = keeping.callback.reading.is_before and isinstance(fault, TimeoutError)
        if fault is not None and not slow and not self.breaker.is_open:
            self.breaker.open(fault)
            self.committer.cancel_waiting()
        return fault is None

    def find_last_fault(
        self, storing: Future[None] | None, keeping: Keeping
    ) -> BaseException | None:
        """Give the database the rest of the time, also if others give up and clear the queue."""
        while True:
            if storing is None or storing.done():  # it has failed, or was sent away
                storing = self.committer.submit(keeping.callback)
            fault = self.find_fault(storing, keeping.seconds_until(LAST_MOMENT_SECONDS))
            if not isinstance(fault, CancelledError):
                return fault

    def find_fault(self, storing: Future[None], seconds: float) -> BaseException | None:
        """Wait for a callback to be stored; tells what is wrong, or none once it is stored."""
        if not storing.done():
            self.committer.flush()
        try:
            return storing.exception(seconds)
        except (TimeoutError, CancelledError) as fault:
            return fault

    def start(self) -> None:
        """Drain what an earlier process left, and open the first connection."""
        self.drainer.start()
        self.committer.check()

    def close(self) -> None:
        """Finish what has begun, unless the database hangs."""
        self.drainer.close()
        self.committer.close()
        self.spool.close()
