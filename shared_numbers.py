"""Numbers that the processes of one gunicorn add up, in memory that all of them share.

gunicorn forks them from the process that imported this. The files that ``prometheus_client`` shares
numbers by can be deleted or fill a disk, and a worker that can't write to them dies.
"""

from hashlib import blake2b
from mmap import mmap
from threading import Lock
from typing import Any

PLACES = 64  # of processes; each worker goes on where one that is long gone has stopped
SIZE = 256  # numbers in a place
ITEM_BYTES = 8
# A number has the same key in all places, and an index near it: whoever looks for a key goes on
# from there until it is found, or the first zero. Releases may know different keys.
KEYS = memoryview(mmap(-1, PLACES * SIZE * ITEM_BYTES)).cast("Q")
VALUES = memoryview(mmap(-1, PLACES * SIZE * ITEM_BYTES)).cast("d")


class Process:
    """This one.

    Attributes:
        place: the numbers that nobody else adds to.
    """

    place = 0


def take_place(worker_age: int) -> None:
    """Count for a worker from now on; gunicorn numbers workers by age."""
    Process.place = worker_age % PLACES


def find(place: int, key: int) -> int:
    """Find the index of a number, or one that is free for it."""
    for step in range(SIZE):
        index = place * SIZE + (key + step) % SIZE
        if KEYS[index] in (0, key):
            return index
    raise MemoryError(f"more than {SIZE} numbers")


class SharedNumber:
    """What ``prometheus_client`` calls a value: each process adds to its own, all read the sum.

    Args:
        name: of the sample; with the names and values of its labels, the number's own.
    """

    _multiprocess = True

    def __init__(
        self,
        _type: str,
        _metric: str,
        name: str,
        labels: tuple[str, ...],
        values: tuple[str, ...],
        *_: Any,
        **__: Any,
    ) -> None:
        digest = blake2b(repr((name, labels, values)).encode(), digest_size=ITEM_BYTES).digest()
        self.key = int.from_bytes(digest) or 1
        self.index = find(Process.place, self.key)
        KEYS[self.index] = self.key
        self.lock = Lock()

    def inc(self, amount: float) -> None:
        """Add to this process's own."""
        with self.lock:
            VALUES[self.index] += amount

    def get(self) -> float:
        """Add up those of all processes."""
        return sum(VALUES[find(place, self.key)] for place in range(PLACES))

    def get_exemplar(self) -> None:
        """Have none."""
