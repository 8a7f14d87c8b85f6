"""Refused requests: counted, logged together, and stored as far as a budget allows."""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from models.vocabulary import Measure, Refusal
from schemas.tencent.envelope import Arrival
from services.journal.journal import Journal, NotDurableError
from services.journal.records import Kind, Record, new_uuid, write_record
from services.receiving.budget import Budget
from services.receiving.tally import Tally

LOG_SECONDS = 60.0
RECORD_BYTES = 512  # of a record, apart from query string and body
WRITE_BYTES = 1024 * 1024  # at once: no callback waits for a larger write
# Burst in bytes, and bytes per second, for each reason. A request that names one of our apps may be
# Tencent's: the burst has room for all that the quarantine keeps, so that ``reverify`` can take it.
OF_APPS = (16 * 1024 * 1024, 250)
OF_STRANGERS = (256 * 1024, 15)
CAUSES = {
    Refusal.SIGN_MISSING: "authentication may be off in Tencent's console",
    Refusal.SIGN_WRONG: "the token in SDK_APPS may not be the one in Tencent's console",
    Refusal.BODY_TOO_LARGE: "MAX_BODY_BYTES may be too small",
    Refusal.WRONG_ADDRESS: "the URL in Tencent's console may not end in /callback",
}

log = logging.getLogger(__name__)


class Refused(NamedTuple):
    """A refused request.

    Attributes:
        sdk_app_id: the app it names, if that is one of ours; else none.
        signed_at: its ``RequestTime``, timezone-aware; none if that is not a time.
        most_bytes: how much of its body may be stored.
        declared_bytes: the length of the whole body, as declared in the head.
    """

    reason: Refusal
    arrival: Arrival
    sdk_app_id: str | None = None
    signed_at: datetime | None = None
    most_bytes: int = 0
    declared_bytes: int | None = None


@dataclass
class Line:
    """The line of the log about one reason and app, once a minute.

    Attributes:
        at: when it was last logged, by the clock of ``Arrival``.
        requests: how many were refused since.
        last: the last of these.
    """

    at: float
    requests: int
    last: Refused


class Refusals:
    """The refused requests of one process; they are answered first, and written later.

    Attributes:
        budgets: what may be stored, by reason and whether one of our apps is named: a flood of one
            kind takes nothing from another.
        waiting: the records to store next.
        lines: by reason and app.
    """

    def __init__(self, journal: Journal, tally: Tally) -> None:
        self.journal = journal
        self.tally = tally
        self.budgets = {
            (reason, is_ours): Budget(*(OF_APPS if is_ours else OF_STRANGERS))
            for reason in Refusal
            for is_ours in (True, False)
        }
        self.waiting: deque[Record] = deque()
        self.lines: dict[tuple[Refusal, str | None], Line] = {}

    def add(self, refused: Refused, read_body: Callable[[], bytes]) -> None:
        """Log and store a refused request, or only count it.

        Args:
            refused: without its body.
            read_body: called only if there is room for the part of the body to store.
        """
        self.note(refused)
        arrival, budget = refused.arrival, self.budgets[refused.reason, bool(refused.sdk_app_id)]
        reserved = RECORD_BYTES + len(arrival.query_string) + refused.most_bytes
        if not budget.take(reserved, arrival.clock):
            self.count(arrival.received_at, refused.reason, refused.sdk_app_id)
            return
        body = read_body()
        is_unknown = refused.reason is Refusal.BODY_TOO_LARGE
        head = {
            "reason": refused.reason,
            "sdk_app_id": refused.sdk_app_id,
            "peer": arrival.peer,
            "query_string": arrival.query_string,
            "body_bytes": None if is_unknown else refused.declared_bytes or len(body),
        }
        at = arrival.received_at
        record = Record(Kind.REFUSAL, new_uuid(at), at, head, body)
        budget.give_back(reserved - len(write_record(record)))
        self.waiting.append(record)

    def count(self, at: datetime, reason: Refusal, sdk_app_id: str | None) -> None:
        """Count a request that is not stored."""
        self.tally.add(at, Measure.REFUSED, sdk_app_id or "", name=reason)

    def write(self) -> None:
        """Append the waiting records to the journal; count those that no folder takes."""
        while self.waiting:
            records, size = [], 0
            while self.waiting and size < WRITE_BYTES:
                records.append(self.waiting.popleft())
                size += RECORD_BYTES + len(records[-1].body)
            try:
                self.journal.append(*records)
            except NotDurableError:
                for record in records:
                    self.count(record.received_at, record.head["reason"], record.head["sdk_app_id"])

    def note(self, refused: Refused) -> None:
        """Log the first request of a reason and app at once, and the others with the next line."""
        key, clock = (refused.reason, refused.sdk_app_id), refused.arrival.clock
        line = self.lines.setdefault(key, Line(clock - LOG_SECONDS, 0, refused))
        line.requests, line.last = line.requests + 1, refused
        self.log(line, clock)

    def log_all(self, clock: float) -> None:
        """Log what was refused since the last lines, once these are a minute old."""
        for line in [*self.lines.values()]:
            self.log(line, clock)

    def log(self, line: Line, clock: float) -> None:
        """Log one line if there is something to say and the last one is a minute old."""
        if line.requests and clock >= line.at + LOG_SECONDS:
            requests, line.requests, line.at = line.requests, 0, clock
            log.warning("%s", describe(line.last, requests))


def describe(refused: Refused, requests: int) -> str:
    """Describe what was refused, and for one of our apps also the likely cause."""
    reason, app, arrival = refused.reason, refused.sdk_app_id, refused.arrival
    what = f"{requests} refused: {reason}, the last from {arrival.peer or 'a local socket'}"
    if app is None:
        return what
    cause = CAUSES.get(reason, "RequestTime is no time")
    if reason == Refusal.SIGN_EXPIRED and refused.signed_at is not None:
        seconds = round((arrival.received_at - refused.signed_at).total_seconds())
        is_where = "ahead of" if seconds > 0 else "behind"
        cause = f"the clock of this machine is {abs(seconds)} s {is_where} the sender's"
    return (
        f"{what}. They name app {app}, so they are probably Tencent's, and lost until this is"
        f" corrected: {cause}"
    )
