"""How much of what is refused may go to the journal: a flood must not fill the disk."""

from dataclasses import dataclass, field
from threading import Lock


@dataclass
class Budget:
    """A bucket of bytes that fills at a steady rate.

    Attributes:
        burst_bytes: what it holds.
        bytes_per_second: what flows in.
    """

    burst_bytes: int
    bytes_per_second: float
    available: float = field(init=False)
    filled_at: float = field(init=False, default=0.0)
    lock: Lock = field(init=False, default_factory=Lock)

    def __post_init__(self) -> None:
        """Begin full."""
        self.available = self.burst_bytes

    def take(self, size: int, now: float) -> bool:
        """Take so many bytes if there are as many; tell whether there were.

        Args:
            size: what may be needed; what was not is given back.
            now: reading of a clock that never goes back, in seconds.
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
        """Give back so many bytes of those that were taken; if negative, take more."""
        with self.lock:
            self.available += size
