"""The thread that empties the spool and notices when the database is back."""

import logging
import time
from threading import Event, Lock, Thread

from services.breaker import RETRY_SECONDS, Breaker, describe
from services.callback import Callback
from services.committer import Committer
from services.drain import drain
from services.spool import Spool

CHECK_SECONDS = 5.0
CLOSE_SECONDS = 5.0
STUCK_RETRY_SECONDS = 15.0

log = logging.getLogger(__name__)


class Drainer:
    """Stores what waits in the spool, whoever left it there."""

    def __init__(self, spool: Spool, committer: Committer[Callback], breaker: Breaker) -> None:
        self.spool = spool
        self.committer = committer
        self.breaker = breaker
        self.stuck_tried_at = -STUCK_RETRY_SECONDS
        self.fault = ""
        self.spooled = Event()
        self.stopping = Event()
        self.starting = Lock()
        self.thread: Thread | None = None

    def start(self) -> None:
        """Start the thread, once."""
        if self.thread is None:
            with self.starting:
                if self.thread is None:
                    self.thread = Thread(target=self.run, name="drainer", daemon=True)
                    self.thread.start()

    def wake(self) -> None:
        """Say that something has been spooled."""
        self.spooled.set()

    def close(self) -> None:
        """Finish what has begun, unless the database hangs."""
        self.stopping.set()
        self.spooled.set()
        if self.thread is not None:
            self.thread.join(CLOSE_SECONDS)

    def run(self) -> None:
        """Drain whenever something is spooled, and now and then for the sake of dead processes."""
        while not self.stopping.is_set():
            if self.try_to_drain():
                self.spooled.wait(RETRY_SECONDS)
                self.spooled.clear()
            else:
                self.stopping.wait(RETRY_SECONDS)

    def try_to_drain(self) -> bool:
        """Go back to the database if it is there, and store what waits."""
        if self.breaker.is_open and not self.breaker.may_close:
            return False
        try:
            if self.breaker.is_open:
                self.committer.check().result(CHECK_SECONDS)
                self.breaker.close()
            drain(self.spool, self.committer, stuck_too=self.is_time_for_stuck())
        except Exception as fault:
            self.log_once(describe(fault))
            return False
        self.log_once("")
        return True

    def is_time_for_stuck(self) -> bool:
        """Tell whether to try once more what the database did not take."""
        if time.monotonic() < self.stuck_tried_at + STUCK_RETRY_SECONDS:
            return False
        self.stuck_tried_at = time.monotonic()
        return True

    def log_once(self, fault: str) -> None:
        """Log what keeps callbacks in the spool, once for as long as it is the same."""
        if fault and fault != self.fault:
            log.warning("callbacks wait in the spool: %s", fault)
        self.fault = fault
