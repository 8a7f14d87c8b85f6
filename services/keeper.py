"""Keep callbacks: in the database if it takes them in time, else in the spool until it does."""

import logging
import time
from concurrent.futures import CancelledError, Future
from datetime import timedelta
from functools import partial

import sqlalchemy as sa

from services.breaker import Breaker, describe
from services.callback import Callback
from services.committer import Committer
from services.drainer import Drainer
from services.ingest import store_callbacks
from services.spool import Spool

BEFORE_SECONDS = 0.05  # nothing that a user notices
LAST_MOMENT_SECONDS = 1.5  # of Tencent's 2

log = logging.getLogger(__name__)


class NotKeptError(Exception):
    """Neither database nor spool took a callback."""


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
        began = time.monotonic()
        self.drainer.start()
        storing = None if self.breaker.is_open else self.committer.submit(callback)
        if storing is not None and self.is_stored_in_time(storing, callback):
            return
        try:
            self.spool.append(callback)
        except OSError as error:
            if storing is None or storing.done():  # it has failed, or was sent away
                storing = self.committer.submit(callback)
            rest = began + LAST_MOMENT_SECONDS - time.monotonic()
            if find_fault(storing, max(rest, 0)) is not None:
                raise NotKeptError(describe(error)) from error
            return
        if storing is not None:
            storing.cancel()
        self.drainer.wake()

    def is_stored_in_time(self, storing: Future[None], callback: Callback) -> bool:
        """Wait until a callback is stored, and give the database up if that takes too long.

        Tencent holds up a user until a "before" command is answered, so that one waits only for a
        database that is fast.
        """
        if callback.reading.is_before:
            fault = find_fault(storing, min(BEFORE_SECONDS, self.deadline_seconds))
            slow = isinstance(fault, TimeoutError)
        else:
            fault = find_fault(storing, self.deadline_seconds)
            slow = False
        if fault is not None and not slow and not self.breaker.is_open:
            self.breaker.open(fault)
            self.committer.cancel_waiting()
        return fault is None

    def start(self) -> None:
        """Drain what an earlier process left, and open the first connection."""
        self.drainer.start()
        self.committer.check()

    def close(self) -> None:
        """Finish what has begun, unless the database hangs."""
        self.drainer.close()
        self.committer.close()
        self.spool.close()


def find_fault(storing: Future[None], seconds: float) -> BaseException | None:
    """Wait for a callback to be stored; tells what is wrong, or none once it is stored."""
    try:
        return storing.exception(seconds)
    except (TimeoutError, CancelledError) as fault:
        return fault
