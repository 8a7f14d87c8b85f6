"""A segment: a file that one process appends to until it is large or old."""

import os
import time
from contextlib import suppress
from pathlib import Path

from models.file_lock import try_to_lock
from services.journal.folder import (
    FILE_MODE,
    OPEN,
    SEALED,
    SHARED_FILE_MODE,
    flush_folder,
    is_shared,
    make_folder,
    name_file,
    new_segment_name,
    write_all,
)

MAX_SEGMENT_BYTES = 8 * 1024 * 1024
MAX_SEGMENT_SECONDS = 300.0  # so that a segment is soon recorded, kept and dropped as a whole


class DoubtfulError(OSError):
    """A flush failed: it is unknown whether the disk has the records."""


class Segment:
    """A file that this process appends to; its lock on it shows that to all others.

    One thread at a time may use it. Only its writer seals it.

    Raises:
        OSError: it can't be made.
    """

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        self.folder = folder
        self.name = new_segment_name()
        self.path = folder / name_file(self.name, 0, OPEN)
        self.begun = time.monotonic()
        self.written = self.records = 0
        # Under another name first: it must not be found before it is locked.
        draft = folder / f".{self.name}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self.descriptor = os.open(draft, flags, FILE_MODE)
        try:
            if is_shared(folder):
                os.fchmod(self.descriptor, SHARED_FILE_MODE)
            try_to_lock(self.descriptor)
            os.rename(draft, self.path)
            flush_folder(folder)
        except OSError:
            os.close(self.descriptor)
            raise

    @property
    def is_done(self) -> bool:
        """Whether the next records belong in another segment."""
        is_old = time.monotonic() - self.begun > MAX_SEGMENT_SECONDS
        return self.written > MAX_SEGMENT_BYTES or (is_old and self.records > 0)

    def append(self, data: bytes, records: int) -> None:
        """Append all of some records, or none, and flush them; they are durable once this returns.

        Raises:
            DoubtfulError: they could not be flushed. The kernel reports that once and then forgets,
                so nothing may be appended any more.
            OSError: the disk did not take them, or the file was removed.
        """
        if os.fstat(self.descriptor).st_nlink == 0:
            raise FileNotFoundError(f"{self.path} was removed")
        try:
            write_all(self.descriptor, data)
        except OSError:
            os.ftruncate(self.descriptor, self.written)
            raise
        self.written += len(data)
        self.records += records
        try:
            os.fdatasync(self.descriptor)
        except OSError as error:
            raise DoubtfulError(error.errno, error.strerror) from error

    def tell_records(self) -> None:
        """Put the number of records into the name."""
        self.rename(OPEN)

    def seal(self) -> None:
        """Append no more; an empty segment is deleted."""
        try:
            if self.records:
                self.rename(SEALED)
            else:
                with suppress(OSError):
                    self.path.unlink()
        finally:
            os.close(self.descriptor)

    def rename(self, suffix: str) -> None:
        """Rename the file to match its state."""
        path = self.folder / name_file(self.name, self.records, suffix)
        if path != self.path:
            with suppress(OSError):  # somebody has removed it
                os.rename(self.path, path)
                self.path = path
