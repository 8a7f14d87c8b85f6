"""Record until told to stop, and maintain the journal, counts, states, labels and retention."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from config import JournalSettings
from models.counts import LostCallback, MinuteCount
from models.database.connection import BusyError, describe
from models.database.many import delete, insert
from models.ledger import ActOfReading, JournalMark
from services.journal.folder import (
    LEAST_ROOM_BYTES,
    drop_drafts,
    drop_kept,
    list_waiting,
    make_room,
    room_bytes,
)
from services.journal.records import Kind, make_own_record
from services.journal.status import measure, write_status
from services.recording.counts import add_up
from services.recording.database import NotReadyError, RecorderDatabase
from services.recording.following.follow import follow_some
from services.recording.intake import MAX_BATCH_RECORDS
from services.recording.ledger import Numbers
from services.recording.recorder import ReadingRecorder, Recorder
from services.recording.retention.months import drop_month, make_months
from services.recording.retention.purge import NOTHING, Purge, find_limits

POLL_SECONDS = 0.01  # before an idle recorder looks at the journal again
GATHER_SECONDS = 0.04  # after a transaction, so that the next one has more to store
PURGE_SECONDS = 0.2  # after which some of what is too old is purged, whatever is waiting
FOLLOW_SECONDS = 2.0  # after which some events are followed, whatever is waiting
MONTHS_SECONDS = 60.0
READINGS_SECONDS = 0.5
RETRY_SECONDS = 1.0  # after a fault of the database
STEADY_SECONDS = 600.0  # after which a clock that was set counts as right
SET_BY = timedelta(minutes=1)  # a smaller step of the clock does not matter

MINUTES_KEPT = timedelta(days=90)
READINGS_KEPT = timedelta(days=400)  # a year, and some time to look back at it
MOST_READINGS = 10_000_000
FOLDED_LATELY = timedelta(days=30)  # everything older is in hours already

COLUMNS = tuple(MinuteCount.__table__.columns)

log = logging.getLogger(__name__)


class Loop:
    """The main loop of a recorder process.

    Attributes:
        chores: what is done at intervals of some seconds, and when it was last done.
        purged: the limits up to which everything is purged.
        purge_at: when to purge again, by the clock of ``time.monotonic``.
        recorded: records since the last purge.
        steady_since: what the clock showed when ``time.monotonic`` was 0, and since when.
        readings: the recorder of the other journal.
        faults: as logged, by their effect; empty once they are over.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.purging, self.purged = Purge(recorder.database), NOTHING
        self.purge_at, self.recorded = 0.0, 0
        shows = recorder.now() - timedelta(seconds=time.monotonic())
        self.steady_since = (shows, -STEADY_SECONDS)  # at the start, the clock counts as right
        self.readings = ReadingRecorder(recorder.settings, recorder.now)
        self.faults: dict[str, str] = {}
        journal, database, now = recorder.settings.journal, recorder.database, recorder.now
        self.chores: dict[Callable[[], object], tuple[float, float]] = {
            self.publish_status: (0.5, 0.0),
            self.follow: (FOLLOW_SECONDS, 0.0),
            self.purge: (PURGE_SECONDS, time.monotonic()),
            self.keep_months: (MONTHS_SECONDS, 0.0),
            recorder.retry_stuck: (15.0, time.monotonic()),
            lambda: drop_old_segments(database, journal, now=now()): (10.0, 0.0),
            lambda: fold_old_minutes(database, now=now()): (3600.0, 0.0),
            self.record_readings: (READINGS_SECONDS, 0.0),
            self.tidy_readings: (15.0, time.monotonic()),
            self.forget_readings: (3600.0, 0.0),
        }

    def run(self, stop: Event) -> None:
        """Record until told to stop."""
        self.recorder.own.append(make_own_record(Kind.RECORDER_STARTED, self.recorder.now()))
        while not stop.is_set():
            stop.wait(self.work())
        self.recorder.own.append(make_own_record(Kind.RECORDER_STOPPED, self.recorder.now()))
        self.work()
        self.record_readings()
        self.publish_status()
        self.recorder.close()
        self.readings.close()

    def work(self) -> float:
        """Record what is waiting, and do the chores that are due; return how long to pause."""
        try:
            recorded = self.recorder.record_batch()
            self.recorded += recorded
            self.do_chores()
            if recorded < MAX_BATCH_RECORDS and not self.recorder.is_followed:
                self.follow()
            elif not recorded:
                self.purge()
        except (SQLAlchemyError, NotReadyError, OSError) as fault:
            self.log_once("records are waiting", fault)
            self.publish_status()
            return RETRY_SECONDS
        self.log_once("records are waiting", None)
        if recorded == MAX_BATCH_RECORDS:
            return 0.0
        return GATHER_SECONDS if recorded else POLL_SECONDS

    def do_chores(self) -> None:
        """Do the chores that are due."""
        for chore, (seconds, done_at) in self.chores.items():
            if time.monotonic() >= done_at + seconds:
                self.chores[chore] = (seconds, time.monotonic())
                chore()

    def follow(self) -> None:
        """Follow some events."""
        self.recorder.is_followed = True  # until it is due again, should this fail
        with self.apart("lists and search do not have the newest events yet"):
            self.recorder.is_followed = not follow_some(self.recorder.database)

    def record_readings(self) -> None:
        """Record some readings, if there are any; a host without a reader has none.

        No more than a batch, so that callbacks are not delayed.
        """
        with self.apart("readings are waiting in their journal"):
            if any(map(list_waiting, self.readings.settings.journal.folders)):
                self.readings.record_batch()

    def tidy_readings(self) -> None:
        """Retry the readings that were set aside, and drop what need not be kept."""
        with self.apart("readings can't be maintained"):
            self.readings.retry_stuck()
            drop_old_segments(
                self.readings.database,
                self.readings.settings.journal,
                now=self.recorder.now(),
                mark_prefix=self.readings.mark_prefix,
            )

    def forget_readings(self) -> None:
        """Drop the readings that are too old, or too many."""
        now = self.recorder.now()
        if self.is_steady(now):
            drop_old_readings(self.recorder.database, now=now)

    @contextmanager
    def apart(self, meaning: str) -> Iterator[None]:
        """Keep a fault from stopping anything else."""
        try:
            yield
        except Exception as fault:  # all of this can be done later
            self.log_once(meaning, fault)
        else:
            self.log_once(meaning, None)

    def log_once(self, meaning: str, fault: Exception | None) -> None:
        """Log a fault once for as long as it stays the same, and log its end.

        A fault that passes by itself is no cause for alarm.
        """
        before, now = self.faults.get(meaning, ""), describe(fault) if fault else ""
        self.faults[meaning] = now
        if fault and now != before:
            level = logging.INFO if isinstance(fault, BusyError) else logging.WARNING
            log.log(level, "%s: %s", meaning, now)
        elif before and not now:
            log.info("over: %s", meaning)

    def purge(self) -> None:
        """Purge some requests that are too old."""
        now = self.recorder.now()
        limits = find_limits(self.recorder.settings, now)
        if limits == self.purged:
            self.recorded = 0
        elif time.monotonic() >= self.purge_at and self.is_steady(now):
            self.purge_at = time.monotonic() + RETRY_SECONDS  # if this fails
            with self.apart("old deliveries are not purged yet"):
                step = self.purging.step(limits, least=self.recorded)
                self.purged = NOTHING if step.seen else limits
                self.purge_at, self.recorded = 0.0, 0

    def keep_months(self) -> None:
        """Drop a month that is purged, and make the next ones."""
        database, now = self.recorder.database, self.recorder.now()
        if database.engine.dialect.name == "postgresql":
            with self.apart("a purged month is not dropped yet"):
                drop_month(database)
            if self.recorder.settings.by_month and self.is_steady(now):
                with self.apart("the next months are not made yet"):
                    make_months(database, now=now)

    def is_steady(self, now: datetime) -> bool:
        """Tell whether the clock was last set long ago: a wrong one is soon corrected."""
        seconds, (at_zero, since) = time.monotonic(), self.steady_since
        shows = now - timedelta(seconds=seconds)
        if abs(shows - at_zero) > SET_BY:
            self.steady_since = (shows, since := seconds)
        return seconds >= since + STEADY_SECONDS

    def publish_status(self) -> None:
        """Publish the status, for processes that may not open the journal."""
        folders, now = self.recorder.settings.journal.folders, self.recorder.now()
        status = measure(folders, self.recorder.progress, recorder_at=now, now=now)
        write_status(folders, status)


def drop_old_segments(
    database: RecorderDatabase, journal: JournalSettings, *, now: datetime, mark_prefix: str = ""
) -> None:
    """Drop recorded segments beyond the limits of age and size, and old drafts.

    Raises:
        OSError: one can't be deleted.
        sqlalchemy.exc.SQLAlchemyError: their marks can't be deleted, and stay without effect.
    """
    dropped = []
    for folder in journal.folders:
        begun_before = now - journal.keep
        dropped += drop_kept(folder, keep_bytes=journal.keep_bytes, begun_before=begun_before)
        if room_bytes(folder) < LEAST_ROOM_BYTES:
            dropped += make_room(folder)
        drop_drafts(folder)
    if dropped:
        with database.begin() as connection:
            segments = [f"{mark_prefix}{file.segment}" for file in dropped]
            delete(connection, JournalMark.segment, segments)


def fold_old_minutes(database: RecorderDatabase, *, now: datetime) -> None:
    """Fold minutes older than ``MINUTES_KEPT`` into hours; forget callbacks that were lost then.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database rejects it; the minutes stay.
    """
    end = (now - MINUTES_KEPT).replace(minute=0, second=0, microsecond=0)
    is_due = MinuteCount.minute.between(end - FOLDED_LATELY, end - timedelta(microseconds=1))
    with database.begin() as connection:
        Numbers.lock(connection)
        connection.execute(sa.delete(LostCallback).where(LostCallback.received_at < end))
        rows = connection.execute(sa.select(*COLUMNS).where(is_due)).all()
        hours: dict[tuple[object, ...], int] = defaultdict(int)
        for minute, measure, *names, value in rows:
            key = (minute.replace(minute=0), measure, *names)
            hours[key] = add_up(measure, hours[key], value)
        if len(hours) < len(rows):
            connection.execute(sa.delete(MinuteCount).where(is_due))
            names = [column.key for column in COLUMNS]
            folded = [dict(zip(names, (*key, value), strict=True)) for key, value in hours.items()]
            insert(connection, MinuteCount, folded)


def drop_old_readings(database: RecorderDatabase, *, now: datetime) -> None:
    """Drop the readings beyond the limits of age and number.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database rejects it; they stay.
    """
    with database.begin() as connection:
        numbers = Numbers.lock(connection)
        for is_old in (
            ActOfReading.received_at < now - READINGS_KEPT,
            ActOfReading.id < numbers.next_reading_id - MOST_READINGS,
        ):
            connection.execute(sa.delete(ActOfReading).where(is_old))
