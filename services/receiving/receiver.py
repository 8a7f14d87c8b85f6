"""The receiver of one process: what its views call, and the work of every second."""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from threading import Event, Thread
from time import perf_counter

from config import ReceiverSettings
from schemas.tencent.body import Reading, read_callback
from schemas.tencent.envelope import Arrival, Envelope
from services.journal.journal import Journal, NotDurableError
from services.journal.records import Kind, Record, make_own_record, new_uuid
from services.journal.status import find_status, write_status
from services.receiving.content import leave_out_content
from services.receiving.refusals import Refusals
from services.receiving.tally import Tally

TICK_SECONDS = 1.0
CLOSE_SECONDS = 2.0

log = logging.getLogger(__name__)


class Receiver:
    """Makes callbacks durable.

    Attributes:
        tally: what only this process knows, for at most a second.
    """

    def __init__(self, settings: ReceiverSettings, now: Callable[[], datetime]) -> None:
        self.settings = settings
        self.now = now
        self.journal = Journal(settings.journal.folders)
        self.tally = Tally()
        self.refusals = Refusals(self.journal, self.tally)
        self.unwritten: Record | None = None  # a tally that no folder has taken yet
        self.stopping = Event()
        self.ticker = Thread(target=self.run, name="ticker", daemon=True)

    def start(self) -> None:
        """Begin the work of every second; warn about apps that accept any sender."""
        for sdk_app_id, tokens in self.settings.sdk_apps.items():
            if not tokens:
                log.warning("SDK_APPS: app %s has no token: any sender is accepted", sdk_app_id)
        with suppress(NotDurableError):
            self.journal.append(make_own_record(Kind.STARTED, self.now()))
        self.ticker.start()

    def close(self) -> None:
        """Write the tally, and seal the segment of this process."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        if self.ticker.is_alive():
            self.ticker.join(CLOSE_SECONDS)
        self.refusals.write()
        if self.unwritten is not None:  # from an earlier tick: later counts come after it
            self.write_tally()
        self.write_tally()
        with suppress(NotDurableError):
            self.journal.append(make_own_record(Kind.STOPPED, self.now()))
        self.journal.close()

    def accept(
        self, arrival: Arrival, sdk_app_id: str, envelope: Envelope, body: bytes
    ) -> Reading | None:
        """Read an authentic callback and make it durable.

        Returns:
            What it says; none if it could not be read because of a fault of this code.

        Raises:
            NotDurableError: no folder took it, so it counts as lost.
        """
        at = arrival.received_at
        uuid = new_uuid(at)
        try:
            reading = read_callback(envelope, body)
        except Exception:  # the bytes are stored anyway, for the recorder to read
            delivery = {"delivery_uuid": str(uuid)}
            log.exception("receiver: a callback can't be read", extra=delivery)
            reading = None
        head = {
            "sdk_app_id": sdk_app_id,
            "peer": arrival.peer,
            "query_string": arrival.query_string,
            "reading": reading,
        }
        record = Record(Kind.CALLBACK, uuid, at, head, body)
        if reading is not None and not self.settings.unhandled_bodies:
            record = leave_out_content(record, reading)
        try:
            self.journal.append(record)
        except NotDurableError as fault:
            self.tally.add_loss(record, is_doubtful=fault.is_doubtful)
            raise
        finally:
            self.tally.add_answer(at, sdk_app_id, perf_counter() - arrival.clock)
        return reading

    def run(self) -> None:
        """Tick until the receiver is closed."""
        while not self.stopping.wait(TICK_SECONDS):
            try:
                self.tick()
            except Exception:
                log.exception("receiver: a tick failed")

    def tick(self) -> None:
        """Write refusals and counts, tend the segment, and publish the status."""
        self.refusals.write()
        self.refusals.log_all(perf_counter())
        self.write_tally()
        self.journal.tend()
        self.publish_status()

    def write_tally(self) -> None:
        """Append the tally to the journal, as the same record until a folder takes it."""
        if self.unwritten is None:
            head = self.tally.take()
            if not head["counts"] and not self.journal.is_refusing:
                return  # while the journal refuses, an empty one tests whether that is over
            self.unwritten = make_own_record(Kind.TALLY, self.now(), **head)
        with suppress(NotDurableError):
            self.journal.append(self.unwritten)
            self.unwritten = None

    def publish_status(self) -> None:
        """Publish the status of the journal, unless the recorder does."""
        folders, now = self.settings.journal.folders, self.now()
        status = find_status(folders, now=now)
        if not status.is_recorder_at_work(now):
            write_status(folders, status)
