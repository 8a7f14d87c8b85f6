"""Record until told to stop; look after the journal, the counts and the labels meanwhile."""

import logging
import os
import socket
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from config import JournalSettings
from models.counts import LostCallback, MinuteCount
from models.database.connection import BusyError, describe
from models.vocabulary import Measure, ServiceEventKind
from services.journal.folder import LEAST_ROOM_BYTES, drop_drafts, drop_kept, make_room, room_bytes
from services.journal.records import new_uuid
from services.journal.status import measure, write_status
from services.recording.database import NotReadyError, RecorderDatabase
from services.recording.intake import MAX_BATCH_RECORDS
from services.recording.labels import label_some
from services.recording.ledger import Numbers, forget_marks
from services.recording.recorder import Recorder

POLL_SECONDS = 0.01  # until an idle recorder looks at the journal again
GATHER_SECONDS = 0.02  # after a transaction, so that the next one has more to store
LABEL_SECONDS = 1.0  # after which some events get their labels, whatever waits
RETRY_SECONDS = 1.0  # after a fault of the database

MINUTES_KEPT = timedelta(days=90)
FOLDED_LATELY = timedelta(days=30)  # before that, all are hours already

COLUMNS = tuple(MinuteCount.__table__.columns)

log = logging.getLogger(__name__)


class Loop:
    """The life of a recorder process.

    Attributes:
        chores: what is done every so many seconds, and when it was last done.
        is_labelled: all events have their labels, as far as this process knows.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.fault = ""
        self.is_labelled = False
        self.label_fault = ""
        journal, database, now = recorder.settings.journal, recorder.database, recorder.now
        self.chores: dict[Callable[[], object], tuple[float, float]] = {
            self.publish_status: (0.5, 0.0),
            self.label: (LABEL_SECONDS, 0.0),
            recorder.retry_stuck: (15.0, time.monotonic()),
            lambda: drop_old_segments(database, journal, now=now()): (10.0, 0.0),
            lambda: fold_old_minutes(database, now=now()): (3600.0, 0.0),
        }

    def run(self, stop: Event) -> None:
        """Record until told to stop."""
        self.note(ServiceEventKind.RECORDER_STARTED)
        while not stop.is_set():
            stop.wait(self.work())
        self.note(ServiceEventKind.RECORDER_STOPPED)
        self.work()
        self.publish_status()
        self.recorder.close()

    def work(self) -> float:
        """Record what there is, and do the chores that are due; return how long to pause."""
        try:
            recorded = self.recorder.record_batch()
            self.do_chores()
            if recorded:
                self.is_labelled = False
            elif not self.is_labelled:
                self.label()
        except (SQLAlchemyError, NotReadyError, OSError) as fault:
            is_alarming = not isinstance(fault, BusyError)
            self.log_once(describe(fault), logging.WARNING if is_alarming else logging.INFO)
            self.publish_status()
            return RETRY_SECONDS
        self.log_once("")
        if recorded == MAX_BATCH_RECORDS:
            return 0.0
        return GATHER_SECONDS if recorded else POLL_SECONDS

    def do_chores(self) -> None:
        """Do what is due."""
        for chore, (seconds, done_at) in self.chores.items():
            if time.monotonic() >= done_at + seconds:
                self.chores[chore] = (seconds, time.monotonic())
                chore()

    def label(self) -> None:
        """Label some events; a fault holds up nothing else."""
        try:
            self.is_labelled, fault = not label_some(self.recorder.database), ""
        except (SQLAlchemyError, NotReadyError) as error:
            self.is_labelled, fault = True, describe(error)  # until it is due again
        if fault and fault != self.label_fault:
            log.warning("search does not find the newest events yet: %s", fault)
        self.label_fault = fault

    def publish_status(self) -> None:
        """Tell what waits, for all who may not look into the journal."""
        folders, now = self.recorder.settings.journal.folders, self.recorder.now()
        status = measure(folders, self.recorder.progress, recorder_at=now, now=now)
        write_status(folders, status)

    def note(self, kind: ServiceEventKind) -> None:
        """Have an event of this process stored."""
        at, process = self.recorder.now(), f"{socket.gethostname()}:{os.getpid()}"
        row = {"uuid": new_uuid(at), "at": at, "kind": kind, "process": process, "details": {}}
        self.recorder.events.append(row)

    def log_once(self, fault: str, level: int = logging.INFO) -> None:
        """Log what keeps records in the journal, once for as long as it is the same."""
        if fault != self.fault:
            if fault:
                log.log(level, "the journal waits: %s", fault)
            else:
                log.info("the journal is recorded again")
        self.fault = fault


def drop_old_segments(
    database: RecorderDatabase, journal: JournalSettings, *, now: datetime
) -> None:
    """Drop recorded segments that are older, or more, than are to be kept; old drafts as well.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database does not forget their marks; they stay, unused.
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
            forget_marks(connection, [file.segment for file in dropped])


def fold_old_minutes(database: RecorderDatabase, *, now: datetime) -> None:
    """Add up the minutes of hours that are older than ``MINUTES_KEPT``; forget what was lost then.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database did not take it; the minutes stay.
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
            is_largest = measure == Measure.DELAY_MICROSECONDS
            hours[key] = max(hours[key], value) if is_largest else hours[key] + value
        if len(hours) < len(rows):
            connection.execute(sa.delete(MinuteCount).where(is_due))
            names = [column.key for column in COLUMNS]
            folded = [dict(zip(names, (*key, value), strict=True)) for key, value in hours.items()]
            connection.execute(sa.insert(MinuteCount), folded)
