"""The turn to write, the next IDs, and how far the journal is recorded."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Self

import sqlalchemy as sa

from models.clock import DAY
from models.database.many import fetch_among, insert, replace
from models.delivery import Command
from models.ledger import JournalMark, Ledger

TURN_PAGE = sa.update(Ledger).where(Ledger.id == 1)
FIND_COMMANDS = sa.select(Command.name, Command.id)
LEAST_RETENTION = DAY  # as the settings have it
MOST_COMMANDS = 1_000  # that a connection remembers: a sender can make up any number
FIND_MARKS = sa.select(JournalMark.segment, JournalMark.recorded_bytes)


class MarksMovedError(Exception):
    """Segments are recorded up to positions other than those the recorder knows.

    Another recorder was at work, a COMMIT with unknown outcome succeeded, or the database is not
    the one it was: restored, replaced, or a standby that was promoted.
    """


@dataclass
class Numbers:
    """The row of the ledger; a transaction that holds it has the turn to write."""

    next_delivery_id: int
    next_event_id: int
    next_request_id: int
    next_reading_id: int
    kept_since: datetime
    unhandled_kept_since: datetime
    followed_event_id: int

    @classmethod
    def lock(cls, connection: sa.Connection) -> Self:
        """Wait for the turn to write, and keep it until the transaction ends.

        On SQLite a transaction has had the turn since it began.

        Raises:
            BusyError: another transaction keeps the turn.
        """
        return cls(*connection.execute(LOCK).one())

    def keep_new(self, now: datetime) -> None:
        """Keep again what arrives: a clock that was ahead has said that it is too old."""
        latest = now - LEAST_RETENTION
        self.kept_since = min(self.kept_since, latest)
        self.unhandled_kept_since = min(self.unhandled_kept_since, latest)

    def store(self, connection: sa.Connection) -> None:
        """Store the numbers for the next transaction."""
        connection.execute(TURN_PAGE, vars(self))


LOCK = sa.select(*(Ledger.__table__.c[one.name] for one in fields(Numbers)))
LOCK = LOCK.where(Ledger.id == 1).with_for_update()


def number_commands(connection: sa.Connection, names: Set[str | None]) -> Mapping[str | None, int]:
    """Return the numbers of commands; a new one gets the next.

    Numbers never change, so a connection remembers those it has found.
    """
    known: dict[str | None, int] = connection.info.setdefault("commands", {})
    if len(known) > MOST_COMMANDS:
        known.clear()
    wanted = {name for name in names if name is not None}
    if unknown := wanted - known.keys():
        known.update(fetch_among(connection, FIND_COMMANDS, {Command.name: unknown}).all())
    new = sorted(wanted - known.keys())
    if not new:
        return known
    last = connection.scalar(sa.select(sa.func.max(Command.id))) or 0
    added: dict[str | None, int] = {name: number for number, name in enumerate(new, last + 1)}
    insert(connection, Command, [{"id": added[name], "name": name} for name in new])
    return known | added


def fetch_marks(connection: sa.Connection, prefix: str = "") -> dict[str, int]:
    """Fetch up to where each segment is recorded, by name, from the marks with this prefix."""
    found = connection.execute(FIND_MARKS.where(JournalMark.segment.startswith(prefix))).all()
    return {segment.removeprefix(prefix): recorded for segment, recorded in found}


def check_marks(connection: sa.Connection, known: Mapping[str, int]) -> None:
    """Make sure that segments are recorded up to the positions the recorder knows.

    Raises:
        MarksMovedError: one of them is not.
    """
    if not known:
        return
    marks = dict(fetch_among(connection, FIND_MARKS, {JournalMark.segment: known}).all())
    if any(marks.get(segment, 0) != recorded for segment, recorded in known.items()):
        raise MarksMovedError


def store_marks(connection: sa.Connection, marks: Mapping[str, int]) -> None:
    """Store up to where segments are recorded."""
    rows = [{"segment": segment, "recorded_bytes": end} for segment, end in marks.items()]
    insert(connection, JournalMark, rows, recorded_bytes=replace)
