"""A spool file: one process appends to it until it is large or somebody drains it."""

import logging
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from file_lock import try_to_lock, unlock
from services.callback import Callback

MAX_SEGMENT_BYTES = 1024 * 1024
TORN = ".torn"

log = logging.getLogger(__name__)


class Segment:
    """A file that one process appends to."""

    def __init__(self, folder: Path, suffix: str) -> None:
        path = folder / f"{time.time_ns():020}-{os.getpid()}{suffix}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self.descriptor = os.open(path, flags, 0o600)
        self.flushing = Lock()
        self.written = self.flushed = 0
        self.broken = False

    def write(self, record: bytes) -> bool:
        """Append a record, unless somebody drains the file or has deleted it.

        Raises:
            OSError: the disk did not take it; what it took of it is cut off again.
        """
        if self.broken or self.written > MAX_SEGMENT_BYTES or not try_to_lock(self.descriptor):
            return False
        try:
            if os.fstat(self.descriptor).st_nlink == 0:
                return False
            self.write_all(record)
        finally:
            unlock(self.descriptor)
        return True

    def write_all(self, record: bytes) -> None:
        """Append every byte of a record, or none."""
        rest = memoryview(record)
        try:
            while rest:
                rest = rest[os.write(self.descriptor, rest) :]
        except OSError:
            self.broken = True
            os.ftruncate(self.descriptor, self.written)
            self.broken = False
            raise
        self.written += len(record)

    def flush(self, end: int) -> None:
        """Wait until the disk has the file up to ``end``; one flush serves all who wait.

        Raises:
            OSError: it could not be flushed. The kernel reports that once and then forgets, so the
                file is not trusted again.
        """
        with self.flushing:
            if self.flushed >= end:
                return
            if self.broken:
                raise OSError("an earlier flush failed")
            written = self.written
            try:
                os.fsync(self.descriptor)
            except OSError:
                self.broken = True
                raise
            self.flushed = written

    def close(self) -> None:
        """Flush for those who still wait for it, and close."""
        with suppress(OSError):  # those who wait are told
            self.flush(self.written)
        os.close(self.descriptor)


@dataclass(frozen=True)
class TakenSegment:
    """A segment that nobody appends to any more.

    Attributes:
        unreadable: what follows its last whole record, such as an append that a crash cut off.
    """

    path: Path
    callbacks: Sequence[Callback]
    unreadable: bytes

    def remove(self) -> None:
        """Delete it, as all its callbacks are kept elsewhere; one with unreadable bytes stays."""
        if self.unreadable:
            log.warning("%s: %d bytes are no callback", self.path, len(self.unreadable))
            self.path.rename(self.path.with_suffix(TORN))
        else:
            self.path.unlink(missing_ok=True)
