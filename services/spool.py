"""Where accepted callbacks wait on disk while the database can't take them.

Each process appends to a segment of its own. ``services.drain`` deletes one when all of it is
committed.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from threading import Lock

from file_lock import holding, locked
from services.callback import Callback
from services.records import read_records, to_record
from services.segment import Segment, TakenSegment

SEGMENT, STUCK = ".spool", ".stuck"
PROBE_BYTES = 4096


class Spool:
    """The folder of all segments: of this process, of others and of dead ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.appending = Lock()
        self.segment: Segment | None = None

    def append(self, callback: Callback) -> None:
        """Write a callback to disk; durable once this returns.

        Raises:
            OSError: the disk did not take it.
        """
        record = to_record(callback)
        with self.appending:
            while self.segment is None or not self.segment.write(record):
                self.begin_segment()
            segment, end = self.segment, self.segment.written
        segment.flush(end)

    def begin_segment(self) -> None:
        """Append to a new file from now on."""
        self.close()
        self.segment = self.make_segment(SEGMENT)

    def make_segment(self, suffix: str) -> Segment:
        """Make a file whose name is on disk already."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        segment = Segment(self.folder, suffix)
        try:
            flush_folder(self.folder)
        except OSError:
            segment.close()
            raise
        return segment

    def set_aside(self, callbacks: Sequence[Callback]) -> None:
        """Keep callbacks that can't be stored out of the way of the others.

        Raises:
            OSError: the disk did not take them.
        """
        if not callbacks:
            return
        segment = self.make_segment(STUCK)
        try:
            segment.write_all(b"".join(map(to_record, callbacks)))
            segment.flush(segment.written)
        finally:
            segment.close()

    def close(self) -> None:
        """Append no more to the present file."""
        segment, self.segment = self.segment, None
        if segment is not None:
            segment.close()

    def draining(self) -> AbstractContextManager[bool]:
        """Hold the right to drain, if nobody else does; tells whether that is so."""
        return holding(self.folder / "drain.lock")

    def list_segments(self, *suffixes: str) -> list[Path]:
        """List all segments of some kinds, the oldest first."""
        return sorted(path for suffix in suffixes for path in self.folder.glob(f"*{suffix}"))

    def is_writable(self) -> bool:
        """Try whether the disk would take a callback."""
        probe = self.folder / f"probe-{os.getpid()}-{time.time_ns()}"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with probe.open("xb", buffering=0) as file:
                file.write(bytes(PROBE_BYTES))
                os.fsync(file.fileno())
        except OSError:
            return False
        finally:
            with suppress(OSError):
                probe.unlink()
        return True

    @contextmanager
    def take(self, path: Path) -> Iterator[TakenSegment]:
        """Read a segment, while nobody appends to it.

        Raises:
            OSError: it can't be read.
        """
        with locked(path):
            yield TakenSegment(path, *read_records(path.read_bytes()))


def flush_folder(folder: Path) -> None:
    """Wait until the disk has the names of a folder's files."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
