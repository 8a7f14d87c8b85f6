"""Take records from the segments of a journal, in order of arrival."""

import logging
import os
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heappop, heapreplace
from pathlib import Path

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
READ_ONLY = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe in its place blocks nothing
MAX_OPEN_SEGMENTS = 64  # segments with more to record; more than processes ever write at once

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """A record, and its place in its segment.

    Attributes:
        record: none for bytes that are not a record.
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


class SegmentReader:
    """A segment, read while its writer may still append to it.

    Attributes:
        file: the file as it was named when the segment was found.
        is_kept: whether it was fully recorded before, and stays where it is.
        recorded: up to where it is in the tables.
        records: how many records that is.
        last_received_at: when the last of these arrived.
        read: up to where it is read.
        ahead: entries that were read and not taken yet.

    Raises:
        OSError: its file is gone, or can't be read.
    """

    def __init__(self, file: SegmentFile, *, recorded: int, is_kept: bool) -> None:
        self.file = file
        self.is_kept = is_kept
        self.descriptor = os.open(file.path, READ_ONLY)
        self.recorded = self.read = recorded
        self.records = 0
        self.last_received_at: datetime | None = None
        self.ahead: deque[Entry] = deque()
        for record, _ in read_records(os.pread(self.descriptor, recorded, 0), complete=True):
            self.count(record)

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
        """Whether some of its present content is not recorded."""
        return os.fstat(self.descriptor).st_size > self.recorded

    @property
    def is_complete(self) -> bool:
        """Whether nothing more will be appended: its writer has sealed it, or is gone."""
        if not try_to_lock(self.descriptor):
            return False
        unlock(self.descriptor)
        return True

    @property
    def is_finished(self) -> bool:
        """Whether all of it is recorded, and nothing more will be appended."""
        # In this order: whatever is appended before the seal must count.
        return self.is_complete and self.recorded >= os.fstat(self.descriptor).st_size

    def count(self, record: Record | None) -> None:
        """Count a record that is in the tables; bytes that are not a record do not count."""
        if record is not None:
            self.records += 1
            self.last_received_at = record.received_at

    def go_back(self) -> None:
        """Return to the first entry that was taken and is not recorded."""
        self.read = self.recorded
        self.ahead.clear()

    def peek(self) -> Entry | None:
        """Return the next entry; none if there is none yet, or no more."""
        if not self.ahead:
            self.read_ahead()
        return self.ahead[0] if self.ahead else None

    def read_ahead(self) -> None:
        """Read a part of the file up to the end of a whole record, if there is one."""
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
        """Note that a record is in the tables."""
        self.recorded = entry.end
        self.read = max(self.read, entry.end)
        self.count(entry.record)

    def keep(self) -> None:
        """Move the file to the kept ones, unless it is already there.

        Raises:
            OSError: it can't be moved.
        """
        folder = self.file.path.parent
        for file in () if self.is_kept else list_waiting(folder):
            if file.segment == self.name:
                with suppress(FileNotFoundError):
                    kept = folder / KEPT / name_file(self.name, file.records, SEALED)
                    os.rename(file.path, kept)

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)


class Intake:
    """The segments of all folders that are not recorded yet.

    A long outage leaves thousands of them. Only the oldest are open, as each takes memory.

    Attributes:
        marks: up to where the next segments are recorded; one without a mark is not recorded at
            all.
        lacking: kept segments of which the tables lack something, by name.
        unreadable: segments that were logged as such.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = folders
        self.readers: dict[str, SegmentReader] = {}
        self.marks: Mapping[str, int] = {}
        self.lacking: dict[str, SegmentFile] = {}
        self.unreadable: set[str] = set()

    @property
    def recorded(self) -> dict[str, int]:
        """Up to where each open segment is recorded, by name."""
        return {name: reader.recorded for name, reader in self.readers.items()}

    def open_all(self, marks: Mapping[str, int]) -> int:
        """Begin where the tables are; return how many kept segments are partly missing there."""
        self.close()
        self.marks = marks
        self.lacking = find_lacking(self.folders, marks)
        self.open_new()
        return len(self.lacking)

    def open_new(self) -> None:
        """Open the next segments, oldest first; skip one that has just disappeared."""
        waiting = [file for folder in self.folders for file in list_waiting(folder)]
        found = [*self.lacking.values(), *waiting]
        new = sorted(file for file in found if file.segment not in self.readers)
        busy = sum(reader.has_more for reader in self.readers.values()) if new else 0
        for file in new[: max(MAX_OPEN_SEGMENTS - busy, 0)]:
            recorded, is_kept = self.marks.get(file.segment, 0), file.segment in self.lacking
            try:
                reader = SegmentReader(file, recorded=recorded, is_kept=is_kept)
            except FileNotFoundError:
                self.lacking.pop(file.segment, None)
            except OSError as fault:
                self.log_unreadable(file, fault)
            else:
                self.readers[reader.name] = reader

    def log_unreadable(self, file: SegmentFile, fault: OSError) -> None:
        """Log once that a segment cannot be read; the others are recorded anyway."""
        if file.segment not in self.unreadable:
            log.error("journal: %s can't be read: %s", file.path, fault)
            self.unreadable.add(file.segment)

    def take(self) -> list[Entry]:
        """Take the next batch from all segments, in order of arrival.

        Within a segment they keep its order, so that it is recorded up to one position.
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
        """Return to the first entry that was taken and is not recorded."""
        for reader in self.readers.values():
            reader.go_back()

    def find_finished(self) -> list[SegmentReader]:
        """Find the segments that are fully recorded and get no more records."""
        return [reader for reader in self.readers.values() if reader.is_finished]

    def drop(self, reader: SegmentReader) -> None:
        """Close a segment that is finished."""
        reader.close()
        del self.readers[reader.name]
        self.lacking.pop(reader.name, None)

    def close(self) -> None:
        """Close all files."""
        for reader in [*self.readers.values()]:
            self.drop(reader)


def find_lacking(folders: Sequence[Path], marks: Mapping[str, int]) -> dict[str, SegmentFile]:
    """Find the kept segments of which the tables lack something, by name."""
    return {
        file.segment: file
        for folder in folders
        for file in list_kept(folder)
        if size_of(file.path) > marks.get(file.segment, 0)
    }
