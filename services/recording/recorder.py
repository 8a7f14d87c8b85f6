"""Move the records of the journal into the tables, in order of arrival, each once."""

import logging
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from config import RecorderSettings
from models.database.connection import NotReadyError, describe
from models.database.engine import LOCK_WAIT
from services.journal.records import Kind, Record
from services.journal.status import Progress
from services.recording.aside import read_stuck, save_damaged, set_aside
from services.recording.counts import Counts, fetch_other_commands
from services.recording.database import RecorderDatabase
from services.recording.following.follow import NotFollowedError
from services.recording.intake import Entry, Intake, find_lacking
from services.recording.ledger import MarksMovedError, fetch_marks
from services.recording.store import Batch, store

COMMANDS_AGE = timedelta(days=7)
MAX_TALLIES = 100  # those of a minute or two

log = logging.getLogger(__name__)


class Recorder:
    """Records the journal of one host into one database.

    Args:
        settings: of the recorder.
        now: returns the current instant, timezone-aware.
        lock_wait: how long a transaction waits for its turn.

    Attributes:
        kinds: the kinds of records that it takes.
        mark_prefix: of the marks of its segments, so that a process that writes one journal cannot
            claim that a segment of another is recorded.
        commands: undocumented ones that are counted by name.
        own: records about this process, to store with the next batch.
        finished: the segment that was finished last, and up to where it is recorded.
        tallies: the recently stored ones; a late folder may hold one of them again.
        is_followed: whether all events were followed after the last batch.
    """

    kinds: ClassVar[Collection[Kind]] = {*Kind} - {Kind.READING}
    mark_prefix: ClassVar[str] = ""

    def __init__(
        self,
        settings: RecorderSettings,
        now: Callable[[], datetime],
        *,
        lock_wait: timedelta = LOCK_WAIT,
    ) -> None:
        self.settings = settings
        self.now = now
        self.database = RecorderDatabase(settings.database_url, lock_wait=lock_wait)
        self.intake = Intake(settings.journal.folders)
        self.commands: set[str] = set()
        self.own: list[Record] = []
        self.finished: dict[str, int] = {}
        self.tallies: deque[UUID] = deque(maxlen=MAX_TALLIES)
        self.is_followed = False

    def record_available(self) -> int:
        """Record everything that is in the journal now; return how many records it was.

        Raises:
            NotReadyError, sqlalchemy.exc.SQLAlchemyError: the database takes no records.
            OSError: the journal can't be read or written.
        """
        return sum(iter(self.record_batch, 0))

    def record_batch(self) -> int:
        """Record the next batch; return how many records it has, 0 once the journal is empty.

        Raises:
            NotReadyError, sqlalchemy.exc.SQLAlchemyError, OSError: as ``record_available``.
        """
        try:
            if self.database.is_new():
                self.compare()
            self.intake.open_new()
            entries = self.intake.take()
            if entries:
                self.record(entries)
            elif self.own:
                self.commit([])
            for reader in self.intake.find_finished():
                with suppress(OSError):  # the folder is not writable: it stays until it is
                    reader.keep()
                    self.finished = {reader.name: reader.recorded}
                    self.intake.drop(reader)
        except MarksMovedError:
            self.database.close()  # a newly opened database is compared
        except BaseException:
            self.intake.go_back()
            self.database.close()
            raise
        return len(entries)

    def compare(self) -> None:
        """Continue where the database is: it may be another one, or have lost something."""
        with self.database.begin() as connection:
            marks = fetch_marks(connection, self.mark_prefix)
            since = self.now() - COMMANDS_AGE
            self.commands = fetch_other_commands(connection, since=since)
        self.finished = {}
        lacking = self.intake.open_all(marks)
        if lacking:
            log.warning(
                "the database lacks records of kept segments: recording them again (%d)", lacking
            )

    def record(self, entries: Sequence[Entry]) -> None:
        """Record a batch, or each entry separately if that fails although the database works.

        Raises:
            MarksMovedError, sqlalchemy.exc.SQLAlchemyError: as ``commit``.
            OSError: as ``save_damaged`` and ``set_aside``.
        """
        for entry in entries:
            if entry.record is None:
                save_damaged(self.settings.journal.folders, entry)
        try:
            self.commit(entries)
        except (MarksMovedError, NotReadyError):
            raise
        except Exception:  # a record of another release may raise anything
            self.intake.go_back()
            self.record_one_by_one(entries)

    def record_one_by_one(self, entries: Sequence[Entry]) -> None:
        """Record each entry separately; set aside those that the database still rejects."""
        for entry in sorted(entries, key=lambda entry: (entry.segment.name, entry.start)):
            # Twice: the first fault may be that of a database that came back a moment later.
            fault = self.try_to_commit(entry) and self.try_to_commit(entry)
            if fault is not None:
                if entry.record is not None:
                    set_aside(self.settings.journal.folders, entry.record)
                    log.error(
                        "record %s can't be stored: %s",
                        entry.record.uuid,
                        describe(fault),
                        extra={"delivery_uuid": str(entry.record.uuid)},
                    )
                self.commit([entry], is_stored=False)

    def try_to_commit(self, entry: Entry) -> Exception | None:
        """Record one entry; return the fault if that fails although the database works.

        Raises:
            MarksMovedError: as ``commit``.
            sqlalchemy.exc.SQLAlchemyError: the database does not work.
        """
        try:
            self.commit([entry])
        except (MarksMovedError, NotReadyError):
            raise
        except Exception as fault:
            self.database.rehearse()
            return fault
        return None

    def commit(self, entries: Sequence[Entry], *, is_stored: bool = True) -> None:
        """Store entries and the marks of their segments in one transaction.

        Args:
            entries: of any segments; those of one segment have no gap.
            is_stored: whether to store their records; otherwise only the marks are stored.

        Raises:
            MarksMovedError: the segments are recorded up to other positions.
            sqlalchemy.exc.SQLAlchemyError: the database rejects them.
        """
        by_arrival = sorted(entries, key=lambda entry: entry.received_at)
        records = [
            entry.record
            for entry in by_arrival
            if entry.record and is_stored and entry.record.uuid not in self.tallies
        ]
        # All marks are compared: a database that was restored under an open connection lacks more
        # than this batch.
        known = self.finished | self.intake.recorded
        marks = {entry.segment.name: entry.end for entry in entries}
        self.store(
            Batch(
                [*records, *self.own],
                known_marks={f"{self.mark_prefix}{name}": at for name, at in known.items()},
                marks={f"{self.mark_prefix}{name}": at for name, at in marks.items()},
            )
        )
        self.own = []
        self.tallies.extend(one.uuid for one in records if one.kind is Kind.TALLY)
        for entry in entries:
            entry.segment.note_recorded(entry)

    def store(self, batch: Batch) -> None:
        """Store a batch in a transaction of its own, without records that do not belong there.

        Raises:
            MarksMovedError, sqlalchemy.exc.SQLAlchemyError: as ``commit``.
        """
        records = [one for one in batch.records if one.kind in self.kinds]
        if foreign := len(batch.records) - len(records):
            log.error("journal: dropped %d records that do not belong in this one", foreign)
            batch = replace(batch, records=records)
        try:
            with self.database.begin() as connection:
                stored = store(connection, batch, Counts(self.commands), now=self.now())
            self.is_followed = stored.is_followed
        except NotFollowedError:  # they are later, or the reason is logged
            self.store(replace(batch, is_followed=False))

    def retry_stuck(self) -> int:
        """Retry records that were set aside; return how many still cannot be stored.

        Raises:
            OSError: the file of a stored one can't be deleted.
        """
        left = 0
        for path, record in [*read_stuck(self.settings.journal.folders)]:
            try:
                self.store(Batch([record]))
            except Exception as fault:
                log.info(
                    "record %s still can't be stored: %s",
                    record.uuid,
                    describe(fault),
                    extra={"delivery_uuid": str(record.uuid)},
                )
                left += 1
            else:
                path.unlink(missing_ok=True)
        return left

    def record_again(self, since: datetime) -> int:
        """Record kept segments of some time again; return how many records that was.

        What the database already has is left alone, and nothing is counted again.

        Args:
            since: timezone-aware.

        Raises:
            NotReadyError, sqlalchemy.exc.SQLAlchemyError, OSError: as ``record_available``.
        """
        self.database.is_new()
        again = Intake([])
        again.lacking = find_lacking(self.settings.journal.folders, {})
        again.open_new()
        recorded = 0
        while entries := again.take():
            records = [
                entry.record
                for entry in entries
                if entry.record is not None and entry.received_at >= since
            ]
            if records:
                self.store(Batch(records, is_counted=False))
            recorded += len(records)
            for entry in entries:
                entry.segment.note_recorded(entry)
            for reader in again.find_finished():
                again.drop(reader)
            again.open_new()
        again.close()
        return recorded

    @property
    def progress(self) -> dict[str, Progress]:
        """Up to where each segment is recorded, by name."""
        return {name: reader.progress for name, reader in self.intake.readers.items()}

    def close(self) -> None:
        """Close the journal and the database."""
        self.intake.close()
        self.database.close()


class ReadingRecorder(Recorder):
    """Records the journal of readings, and ignores anything else in it."""

    kinds = frozenset({Kind.READING})
    mark_prefix = "reading/"

    def __init__(
        self, settings: RecorderSettings, now: Callable[[], datetime], **options: timedelta
    ) -> None:
        journal = replace(settings.journal, folders=settings.reading_folders)
        super().__init__(replace(settings, journal=journal), now, **options)
