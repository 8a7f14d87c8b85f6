"""Take records from the segments of a journal, in the order in which they arrived."""

import logging
import os
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heapify, heappop, heapreplace
from pathlib import Path
from typing import Self

from models.file_lock import try_to_lock, unlock
from services.journal.folder import (
    KEPT,
    SEALED,
    SegmentFile,
    list_kept,
    list_waiting,
    name_file,
    size_of,
)
from services.journal.records import Record, read_records
from services.journal.status import Progress

READ_BYTES = 1024 * 1024
MAX_BATCH_RECORDS = 500
MAX_BATCH_BYTES = 16 * 1024 * 1024
READ_ONLY = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe in its place holds nothing up
MAX_OPEN_SEGMENTS = 64  # that have more to record; more than processes ever write at once

Found = tuple[SegmentFile, Path]  # with its folder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """A record, and where it stands in its segment.

    Attributes:
        record: none in place of bytes that are no record.
        start: where it begins.
        end: where the next one begins.
    """

    record: Record | None
    segment: "SegmentReader"
    start: int
    end: int

    @property
    def received_at(self) -> datetime:
        """When the record arrived, timezone-aware."""
        return self.record.received_at if self.record else self.segment.file.begun_at


@dataclass(eq=False)
class SegmentReader:
    """A segment, read while its writer may still append to it.

    Attributes:
        file: its name, as it was when the segment was found.
        is_kept: it was all recorded once, and stays where it is.
        recorded: how far it is in the tables.
        records: how many there are up to there.
        last_received_at: of the last of these.
        read: how far it is read.
        ahead: what was read and is not taken yet.
    """

    folder: Path
    file: SegmentFile
    is_kept: bool
    descriptor: int
    recorded: int = 0
    records: int = 0
    last_received_at: datetime | None = None
    read: int = 0
    ahead: deque[Entry] = field(default_factory=deque)

    @classmethod
    def open(cls, folder: Path, file: SegmentFile, *, recorded: int, is_kept: bool) -> Self:
        """Open a segment's file.

        Raises:
            OSError: it is gone, or can't be read.
        """
        reader = cls(folder, file, is_kept, os.open(file.path, READ_ONLY))
        reader.rewind(recorded)
        return reader

    @property
    def name(self) -> str:
        """The name that the segment keeps."""
        return self.file.segment

    @property
    def progress(self) -> Progress:
        """How far it is recorded, in records."""
        return Progress(self.records, self.last_received_at)

    @property
    def has_more(self) -> bool:
        """Whether not all that it has now is recorded."""
        return os.fstat(self.descriptor).st_size > self.recorded

    @property
    def is_complete(self) -> bool:
        """Whether nothing will be appended: its writer has sealed it, or is gone."""
        if not try_to_lock(self.descriptor):
            return False
        unlock(self.descriptor)
        return True

    @property
    def is_finished(self) -> bool:
        """Whether all of it is recorded, and nothing will be appended."""
        # In this order: what is appended before its writer seals it counts.
        return self.is_complete and self.recorded >= os.fstat(self.descriptor).st_size

    def rewind(self, recorded: int) -> None:
        """Read on from where the tables are."""
        self.recorded, self.records, self.last_received_at = recorded, 0, None
        for record, _ in read_records(os.pread(self.descriptor, recorded, 0), complete=True):
            if record is not None:
                self.records, self.last_received_at = self.records + 1, record.received_at
        self.go_back()

    def go_back(self) -> None:
        """Give again what was taken and is not recorded."""
        self.read = self.recorded
        self.ahead.clear()

    def peek(self) -> Entry | None:
        """Give the next record; none if there is none yet, or no more."""
        if not self.ahead:
            self.read_ahead()
        return self.ahead[0] if self.ahead else None

    def read_ahead(self) -> None:
        """Read a part of the file that ends with a whole record, if there is one."""
        complete, size = self.is_complete, READ_BYTES
        while not self.ahead:
            start = self.read
            data = os.pread(self.descriptor, size, start)
            is_end = len(data) < size
            for record, end in read_records(data, complete=complete and is_end):
                self.ahead.append(Entry(record, self, self.read, start + end))
                self.read = start + end
            if is_end:
                return
            size *= 4

    def note_recorded(self, entry: Entry) -> None:
        """Take note that a record is in the tables."""
        self.recorded = entry.end
        self.read = max(self.read, entry.end)
        if entry.record is not None:
            self.records += 1
            self.last_received_at = entry.record.received_at

    def keep(self) -> None:
        """Move the file to the kept ones, unless it is there.

        Raises:
            OSError: it can't be moved.
        """
        found = [file for file in list_waiting(self.folder) if file.segment == self.name]
        for file in found:
            with suppress(FileNotFoundError):
                kept = self.folder / KEPT / name_file(self.name, file.records, SEALED)
                os.rename(file.path, kept)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.descriptor)


class Intake:
    """The segments that are not recorded yet, of all folders.

    A long outage leaves thousands of them: only the oldest are open, as each takes memory.

    Attributes:
        marks: how far segments are in the tables that are to be opened; one without is not at all.
        lacking: kept segments that the tables lack something of, by name.
        unreadable: segments that the log has named as such.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = folders
        self.readers: dict[str, SegmentReader] = {}
        self.marks: Mapping[str, int] = {}
        self.lacking: dict[str, Found] = {}
        self.unreadable: set[str] = set()

    @property
    def recorded(self) -> dict[str, int]:
        """How far each open segment is recorded, by its name."""
        return {name: reader.recorded for name, reader in self.readers.items()}

    def open_all(self, marks: Mapping[str, int]) -> int:
        """Begin where the tables are; return how many kept segments they lack something of."""
        self.close()
        self.marks = marks
        self.lacking = find_lacking(self.folders, marks)
        self.open_new()
        return len(self.lacking)

    def open_new(self) -> None:
        """Open the next segments, the oldest first; one that has just gone is left out."""
        waiting = [(file, folder) for folder in self.folders for file in list_waiting(folder)]
        found = [*self.lacking.values(), *waiting]
        new = sorted(one for one in found if one[0].segment not in self.readers)
        busy = sum(reader.has_more for reader in self.readers.values()) if new else 0
        for file, folder in new[: max(MAX_OPEN_SEGMENTS - busy, 0)]:
            recorded, is_kept = self.marks.get(file.segment, 0), file.segment in self.lacking
            try:
                reader = SegmentReader.open(folder, file, recorded=recorded, is_kept=is_kept)
            except FileNotFoundError:
                self.lacking.pop(file.segment, None)
            except OSError as fault:
                self.log_unreadable(file, fault)
            else:
                self.readers[reader.name] = reader

    def log_unreadable(self, file: SegmentFile, fault: OSError) -> None:
        """Log once that a segment can't be read; the others are recorded all the same."""
        if file.segment not in self.unreadable:
            log.error("journal: %s can't be read: %s", file.path, fault)
            self.unreadable.add(file.segment)

    def take(self) -> list[Entry]:
        """Take the next records of all segments by time of arrival, as many as make a batch.

        Those of one segment come in its order, so that it is recorded up to a position.
        """
        heads = []
        for name, reader in self.readers.items():
            try:
                head = reader.peek()
            except OSError as fault:
                self.log_unreadable(reader.file, fault)
            else:
                heads += [(head.received_at, name)] if head else []
        heapify(heads)
        batch: list[Entry] = []
        size = 0
        while heads and len(batch) < MAX_BATCH_RECORDS and size < MAX_BATCH_BYTES:
            _, name = heads[0]
            batch.append(entry := self.readers[name].ahead.popleft())
            size += entry.end - entry.start
            if (head := self.readers[name].peek()) is not None:
                heapreplace(heads, (head.received_at, name))
            else:
                heappop(heads)
        return batch

    def go_back(self) -> None:
        """Give again what was taken and is not recorded."""
        for reader in self.readers.values():
            reader.go_back()

    def find_finished(self) -> list[SegmentReader]:
        """Find the segments that are all recorded and get no more records."""
        return [reader for reader in self.readers.values() if reader.is_finished]

    def drop(self, reader: SegmentReader) -> None:
        """Let go of a segment that is finished."""
        reader.close()
        del self.readers[reader.name]
        self.lacking.pop(reader.name, None)

    def close(self) -> None:
        """Let go of all files."""
        for reader in [*self.readers.values()]:
            self.drop(reader)


def find_lacking(folders: Sequence[Path], marks: Mapping[str, int]) -> dict[str, Found]:
    """Find the kept segments that the tables lack something of, by name."""
    return {
        file.segment: (file, folder)
        for folder in folders
        for file in list_kept(folder)
        if size_of(file.path) > marks.get(file.segment, 0)
    }
