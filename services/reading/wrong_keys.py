"""Slow down the guessing of keys, in constant memory."""

import logging
from collections.abc import Callable
from ipaddress import ip_address
from math import ceil
from threading import Lock
from time import monotonic

AT_ONCE = 30  # wrong keys from a sender before it has to wait
SECONDS_EACH = 2.0  # later on
PLACES = 4096
LOG_SECONDS = 60.0

log = logging.getLogger(__name__)


class WrongKeys:
    """Tells for how long the keys of a sender are ignored, right or wrong.

    A sender is an address, or an IPv6 network. Each has one place in a table. Two senders may share
    it by chance, but not by choice; then each waits for the other.

    Attributes:
        count: of all wrong keys.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.clock = clock
        self.count = 0
        self.forgotten_at = [0.0] * PLACES  # when the wrong keys of a place no longer count
        self.told_at = -LOG_SECONDS
        self.lock = Lock()

    def wait_seconds(self, address: str) -> int:
        """Return how long a sender has to wait; 0 if its next key is looked at."""
        left = self.forgotten_at[find_place(address)] - self.clock()
        return max(0, ceil(left - (AT_ONCE - 1) * SECONDS_EACH))

    def add(self, address: str) -> None:
        """Count a wrong key, and log it once a minute at most."""
        place, now = find_place(address), self.clock()
        with self.lock:
            self.count += 1
            self.forgotten_at[place] = max(self.forgotten_at[place], now) + SECONDS_EACH
            if now - self.told_at >= LOG_SECONDS:
                self.told_at = now
                log.warning("wrong key from %s, %d in total since the start", address, self.count)


def find_place(address: str) -> int:
    """Find the place of a sender; the hash of bytes differs in each process."""
    try:
        ip = ip_address(address)
        sender = (getattr(ip, "ipv4_mapped", None) or ip).packed[:8]
    except ValueError:  # a Unix socket
        sender = address.encode()
    return hash(sender) % PLACES
