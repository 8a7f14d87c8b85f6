"""Store imported records with the code of the recorder, which may run at the same time."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from models.database.connection import NotReadyError, describe
from services.importing.rows import BadRowError
from services.importing.sources import IncompleteError
from services.journal.records import Record
from services.recording.counts import Counts
from services.recording.database import RecorderDatabase
from services.recording.ledger import Numbers
from services.recording.store import Batch, read_new, store

MAX_BATCH_RECORDS = 2000  # a recorder waits for its turn only as long as it takes to store these
MAX_BATCH_BYTES = 8 * 1024 * 1024

Placed = tuple[int, Record]


@dataclass
class Importer:
    """Stores the callbacks of one source.

    Attributes:
        on_fault: called with the place of a row that cannot be stored, and the reason.
        is_dry_run: counts, and stores nothing.
        verdicts: how many got each verdict.
        known: how many were stored before, or are too old to be kept.
        unreadable: how many are not callbacks.
        rejected: how many the database rejects.
        broken: why the source is not complete, if it is not.
    """

    database: RecorderDatabase
    now: datetime
    on_fault: Callable[[int, str], None]
    is_dry_run: bool = False
    verdicts: Counter[str] = field(default_factory=Counter)
    known: int = 0
    unreadable: int = 0
    rejected: int = 0
    broken: str = ""

    def take(
        self, source: Iterable[tuple[int, Any]], read: Callable[[Any], Record]
    ) -> Iterator[int]:
        """Store everything in a source; yield how many more rows were stored.

        Args:
            source: rows, each with its place.
            read: makes a record of a row, or raises BadRowError.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database failed. What was stored until then stays,
                and another run stores the rest.
        """
        batch: list[Placed] = []
        size = 0
        for place, record in self.read(source, read):
            batch.append((place, record))
            size += len(record.body)
            if len(batch) == MAX_BATCH_RECORDS or size >= MAX_BATCH_BYTES:
                yield self.store(batch)
                batch, size = [], 0
        yield self.store(batch)

    def read(
        self, source: Iterable[tuple[int, Any]], read: Callable[[Any], Record]
    ) -> Iterator[Placed]:
        """Read a source until it ends, or turns out to be incomplete."""
        try:
            for place, row in source:
                try:
                    yield place, read(row)
                except BadRowError as fault:
                    self.unreadable += 1
                    self.on_fault(place, str(fault))
        except IncompleteError as fault:
            self.broken = str(fault)

    def store(self, batch: list[Placed]) -> int:
        """Store a batch, or each half separately if that fails; return how many records it has."""
        records = [record for _, record in batch]
        if self.is_dry_run:
            with self.database.engine.connect() as connection:
                new = len(read_new(connection, Batch(records), Numbers.lock(connection)))
            self.verdicts["new"] += new
            self.known += len(records) - new
            return len(batch)
        try:
            with self.database.begin() as connection:
                given = Batch(records, is_followed=False)
                stored = store(connection, given, Counts(set()), now=self.now).callbacks
        except NotReadyError:
            raise
        except SQLAlchemyError as fault:
            self.database.rehearse()
            if len(batch) > 1:
                half = len(batch) // 2
                self.store(batch[:half])
                self.store(batch[half:])
            else:
                self.rejected += 1
                self.on_fault(batch[0][0], describe(fault))
            return len(batch)
        self.verdicts.update(callback.verdict for callback in stored)
        self.known += len(records) - len(stored)
        return len(batch)
