"""Watch what goes through the spool of a service while it is under load."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

LOOK_SECONDS = 0.02
DRAIN_SECONDS = 60


class SpoolWatch:
    """What has been seen in a spool folder.

    Attributes:
        sizes: bytes by file name, the most that was seen.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sizes: dict[str, int] = {}

    @property
    def seen_kb(self) -> float:
        """What went through, in kB; a file that came and went between two looks is missed."""
        return sum(self.sizes.values()) / 1000

    def look(self) -> int:
        """Note the size of each file with callbacks; return how many bytes wait now."""
        waiting = 0
        for file in [*self.folder.glob("*.spool"), *self.folder.glob("*.stuck")]:
            with suppress(OSError):  # drained meanwhile
                size = file.stat().st_size
                waiting += size
                self.sizes[file.name] = max(size, self.sizes.get(file.name, 0))
        return waiting

    def wait_until_drained(self) -> bool:
        """Wait until nothing waits; tell whether that came."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while self.look() and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        return not self.look()


@contextmanager
def watching(folder: Path) -> Iterator[SpoolWatch]:
    """Look at a spool again and again until the block ends."""
    watch, ended = SpoolWatch(folder), Event()

    def run() -> None:
        while not ended.wait(LOOK_SECONDS):
            watch.look()

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        ended.set()
        thread.join()
