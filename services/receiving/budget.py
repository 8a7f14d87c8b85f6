"""How much of what is refused may go to the journal: a flood must not fill the disk."""

import time
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
    bytes_per_second: int
    available: float = field(init=False)
    filled_at: float = field(init=False, default_factory=time.monotonic)
    lock: Lock = field(init=False, default_factory=Lock)

    def __post_init__(self) -> None:
        """Begin full."""
        self.available = self.burst_bytes

    def take(self, size: int) -> bool:
        """Take so many bytes if there are as many; tell whether there were."""
        with self.lock:
            now = time.monotonic()
            filled = self.available + (now - self.filled_at) * self.bytes_per_second
            self.available, self.filled_at = min(filled, self.burst_bytes), now
            if self.available < size:
                return False
            self.available -= size
            return True
