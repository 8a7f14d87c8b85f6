"""The turn to write, the next IDs, and how far the journal is recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Self

import sqlalchemy as sa

from models.database.many import upsert
from models.ledger import JournalMark, Ledger

LOCK = sa.select(Ledger.next_delivery_id, Ledger.next_event_id, Ledger.next_request_id)
LOCK = LOCK.where(Ledger.id == 1).with_for_update()
TURN_PAGE = sa.update(Ledger).where(Ledger.id == 1)
FIND_MARKS = sa.select(JournalMark.segment, JournalMark.recorded_bytes)
OF_SEGMENTS = JournalMark.segment.in_(sa.bindparam("segments", expanding=True))
FORGET = sa.delete(JournalMark).where(OF_SEGMENTS)


class MarksMovedError(Exception):
    """Segments are recorded up to other positions than the recorder knows.

    Another recorder was at work, a COMMIT came through whose outcome nobody heard, or the database
    is not the one it was: restored, replaced, or a standby that was promoted.
    """


@dataclass
class Numbers:
    """The next IDs; a transaction that has them has the turn to write."""

    next_delivery_id: int
    next_event_id: int
    next_request_id: int

    @classmethod
    def lock(cls, connection: sa.Connection) -> Self:
        """Wait for the turn to write, and keep it until the transaction ends.

        On SQLite the transaction has had it since it began.
        """
        return cls(*connection.execute(LOCK).one())

    def number_deliveries(self) -> int:
        """Give the ID of the next delivery."""
        self.next_delivery_id += 1
        return self.next_delivery_id - 1

    def number_events(self) -> int:
        """Give the ID of the next event."""
        self.next_event_id += 1
        return self.next_event_id - 1

    def number_requests(self) -> int:
        """Give the ID of the next refused request."""
        self.next_request_id += 1
        return self.next_request_id - 1

    def store(self, connection: sa.Connection) -> None:
        """Leave the numbers to the next transaction."""
        connection.execute(TURN_PAGE.values(asdict(self)))


def fetch_marks(connection: sa.Connection) -> dict[str, int]:
    """Fetch how far each segment is recorded, by its name."""
    return dict(connection.execute(FIND_MARKS).all())


def check_marks(connection: sa.Connection, known: Mapping[str, int]) -> None:
    """Make sure that segments are recorded up to the positions that the recorder knows.

    Raises:
        MarksMovedError: one of them is not.
    """
    rows = connection.execute(FIND_MARKS.where(OF_SEGMENTS), {"segments": [*known]})
    marks = dict(rows.all())
    if any(marks.get(segment, 0) != recorded for segment, recorded in known.items()):
        raise MarksMovedError


def store_marks(connection: sa.Connection, marks: Mapping[str, int]) -> None:
    """Say how far segments are recorded."""
    rows = [{"segment": segment, "recorded_bytes": end} for segment, end in marks.items()]
    upsert(connection, JournalMark, rows, replace=("recorded_bytes",))


def forget_marks(connection: sa.Connection, segments: Sequence[str]) -> None:
    """Forget segments whose files are gone."""
    connection.execute(FORGET, {"segments": segments})
