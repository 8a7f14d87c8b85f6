"""How much of the refused requests may go to the journal: a flood must not fill the disk."""

from dataclasses import dataclass, field
from threading import Lock


@dataclass
class Budget:
    """A bucket of bytes that fills at a steady rate.

    Attributes:
        burst_bytes: its capacity.
        bytes_per_second: its rate of filling.
    """

    burst_bytes: int
    bytes_per_second: float
    available: float = field(init=False)
    filled_at: float = field(init=False, default=0.0)
    lock: Lock = field(init=False, default_factory=Lock)

    def __post_init__(self) -> None:
        """Start with a full bucket."""
        self.available = self.burst_bytes

    def take(self, size: int, now: float) -> bool:
        """Take so many bytes if there are enough; return whether there were.

        Args:
            size: the most that may be needed; the rest is given back.
            now: the reading of a monotonic clock, in seconds.
        """
        with self.lock:
            filled = self.available + max(now - self.filled_at, 0) * self.bytes_per_second
            self.available = min(filled, self.burst_bytes)
            self.filled_at = max(now, self.filled_at)
            if self.available < size:
                return False
            self.available -= size
            return True

    def give_back(self, size: int) -> None:
        """Give back some of the bytes that were taken; if negative, take more."""
        with self.lock:
            self.available += size
