"""Append records to the journal: one flush for all that wait, the next folder if one refuses."""

import errno
import logging
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread

from services.journal.folder import make_room
from services.journal.records import Record, write_record
from services.journal.segment import DoubtfulError, Segment

FLUSH_SECONDS = 0.5  # after which a hanging disk counts as one that refuses
RETRY_SECONDS = 1.0
CLOSE_SECONDS = 2.0
DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT)

log = logging.getLogger(__name__)


class NotDurableError(Exception):
    """No folder took a record.

    Attributes:
        is_doubtful: a disk may have it after all: a flush failed or has not returned.
    """

    def __init__(self, reason: str, *, is_doubtful: bool) -> None:
        super().__init__(reason)
        self.is_doubtful = is_doubtful


@dataclass
class Batch:
    """Records that are written and flushed together.

    Attributes:
        done: set once they are durable, or no folder took them.
        fault: why they are not durable; none once they are.
    """

    records: list[bytes] = field(default_factory=list)
    done: Event = field(default_factory=Event)
    fault: NotDurableError | None = None


class Journal:
    """The journal, as one process appends to it; its threads or greenlets may do so at once.

    ``writer`` writes one batch after another. Meanwhile the next one gathers.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = [JournalFolder(folder) for folder in folders]
        self.gathering = Batch()
        self.gate = Lock()  # guards ``gathering`` and ``is_closed``
        self.waiting = Event()  # set when records have gathered or the journal is closed
        self.is_closed = False
        self.writer = Thread(target=self.run, name="journal", daemon=True)
        self.writer.start()

    def append(self, *records: Record) -> None:
        """Make records durable, all in one batch.

        Raises:
            NotDurableError: no folder took them, or the journal is closed.
        """
        data = [*map(write_record, records)]
        with self.gate:
            if self.is_closed:
                raise NotDurableError("the journal is closed", is_doubtful=False)
            batch = self.gathering
            batch.records += data
        self.waiting.set()
        batch.done.wait()
        if batch.fault is not None:
            raise batch.fault

    def run(self) -> None:
        """Write each batch that has gathered, until the journal is closed."""
        is_last = False
        while not is_last:
            self.waiting.wait()
            self.waiting.clear()
            with self.gate:
                batch, self.gathering, is_last = self.gathering, Batch(), self.is_closed
            if batch.records:
                batch.fault = self.write(batch)
            batch.done.set()

    def write(self, batch: Batch) -> NotDurableError | None:
        """Write a batch to the first folder that takes it; return the fault if none does."""
        data, is_doubtful, reasons = b"".join(batch.records), False, []
        for folder in self.folders:
            try:
                folder.append(data, len(batch.records))
            except Exception as fault:  # any: if the thread ended, all appends would wait for ever
                is_doubtful = is_doubtful or isinstance(fault, DoubtfulError)
                reasons.append(f"{folder.path}: {fault}")
            else:
                return None
        return NotDurableError("; ".join(reasons), is_doubtful=is_doubtful)

    @property
    def is_refusing(self) -> bool:
        """Whether no folder took the last batch."""
        return all(folder.is_refusing for folder in self.folders)

    def tend(self) -> None:
        """Update the number of records in the names of segments, and seal old ones."""
        for folder in self.folders:
            folder.tend()

    def close(self) -> None:
        """Write the last batch and seal the open segments, unless a disk hangs."""
        with self.gate:
            self.is_closed = True
        self.waiting.set()
        self.writer.join(CLOSE_SECONDS)
        for folder in self.folders:
            folder.close()


class JournalFolder:
    """One folder, as one process appends to it.

    Only ``thread`` touches the segment: a flush blocks neither an event loop nor the other folders,
    and a hanging one is abandoned.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.thread = make_thread()
        self.job: Future[OSError | None] | None = None
        self.is_written = True  # set by the thread, which a busy event loop does not delay
        self.refused_at = -RETRY_SECONDS
        self.is_refusing = False
        self.segment: Segment | None = None

    def append(self, data: bytes, records: int) -> None:
        """Append some records to the present segment; durable once this returns.

        Raises:
            DoubtfulError: they could not be flushed, or not in time.
            OSError: the folder refuses; the disk has none of them.
        """
        if time.monotonic() < self.refused_at + RETRY_SECONDS:
            raise OSError("refused a moment ago")
        if self.job is not None and not self.job.done():
            raise OSError("hangs")
        try:
            if self.segment is None or self.segment.is_done:
                self.wait_for_thread(b"", 0)  # flushes the folder, within its own time limit
            self.wait_for_thread(data, records)
        except TimeoutError:
            self.refuse(late := DoubtfulError(f"not flushed after {FLUSH_SECONDS} s"))
            raise late from None
        except OSError as fault:
            self.refuse(fault)
            raise
        if self.is_refusing:
            self.is_refusing = False
            log.warning("journal: %s takes records again", self.path)

    def wait_for_thread(self, data: bytes, records: int) -> None:
        """Let the thread write, and wait no longer than a flush may take.

        Raises:
            TimeoutError: it takes longer.
            OSError: as ``append``.
        """
        self.is_written = False
        self.job = self.thread.submit(self.work, data, records)
        try:
            fault = self.job.result(FLUSH_SECONDS)
        except TimeoutError:
            if not self.is_written:
                raise
            fault = self.job.result()  # it was in time; this process was late
        if fault is not None:
            raise fault

    def refuse(self, fault: OSError) -> None:
        """Send records to the next folder for a while, and append no more to this segment."""
        self.refused_at = time.monotonic()
        self.thread.submit(self.retire)  # runs after the job that is late
        if not self.is_refusing:
            self.is_refusing = True
            log.error("journal: %s refuses: %s", self.path, fault)

    def work(self, data: bytes, records: int) -> OSError | None:
        """Write, in the thread, and signal that it is done."""
        try:
            return self.write(data, records)
        finally:
            self.is_written = True

    def write(self, data: bytes, records: int) -> OSError | None:
        """Append and flush, in the thread; drop kept segments if the disk is full.

        Args:
            data: whole records; without any, the next segment is begun if that is due.
            records: how many.

        Returns:
            Why the folder refuses, or none; if it were raised, gevent would print a traceback.
        """
        is_again = False
        while True:
            try:
                if self.segment is not None and self.segment.is_done:
                    self.retire()
                if self.segment is None:
                    self.segment = Segment(self.path)
                if records:
                    self.segment.append(data, records)
            except FileNotFoundError as fault:
                if self.segment is None and is_again:  # the folder can't be made
                    return fault
                is_again = True
                self.retire()  # the file or the folder was removed: the next one is new
            except DoubtfulError as fault:
                return fault
            except OSError as fault:
                if fault.errno not in DISK_IS_FULL or not make_room(self.path):
                    return fault
            else:
                return None

    def retire(self) -> None:
        """Append no more to the present segment."""
        segment, self.segment = self.segment, None
        if segment is not None:
            segment.seal()

    def tend(self) -> None:
        """Let the thread tend the segment, unless it is busy."""
        if self.job is None or self.job.done():
            self.thread.submit(self.tend_segment)

    def tend_segment(self) -> None:
        """Update the number of records, or seal a segment that is old."""
        if self.segment is None:
            return
        if self.segment.is_done:
            self.retire()
        else:
            self.segment.tell_records()

    def close(self) -> None:
        """Seal the segment, unless the disk hangs."""
        with suppress(TimeoutError):
            self.thread.submit(self.retire).result(FLUSH_SECONDS)
        self.thread.shutdown(wait=False)


def make_thread() -> Executor:
    """Make an executor of one native thread, even where gevent replaces threads by greenlets."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("threading"):
        from gevent.threadpool import ThreadPoolExecutor as NativeThreadPoolExecutor

        native: Executor = NativeThreadPoolExecutor(1)
        return native
    return ThreadPoolExecutor(1, "journal")
