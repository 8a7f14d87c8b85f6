"""Acts of reading: the reader keeps them in a journal of its own, and reads them from a table."""

from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa

from models.ledger import ActOfReading
from schemas.api.page import PageQuery
from services.journal.journal import Journal, NotDurableError
from services.journal.records import Record
from services.reading.pages import Page, Row, fetch_page, keep_equal

FILTERED = (ActOfReading.holder, ActOfReading.subject_id, ActOfReading.user_id)
KEY = (ActOfReading.received_at, ActOfReading.id)
LISTED = sa.select(*ActOfReading.__table__.columns)


class Readings:
    """The readings of this process, appended to the journal of readings.

    Attributes:
        lost: how many were taken by no folder.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.journal = Journal(folders)
        self.lost = 0

    def keep(self, acts: Sequence[Record]) -> bool:
        """Make acts durable; return whether they are.

        A failure blocks nobody: when no disk takes any, the pages that report it are needed.
        """
        try:
            self.journal.append(*acts)
        except NotDurableError:
            self.lost += len(acts)
            return False
        return True

    def close(self) -> None:
        """Seal the open segments."""
        self.journal.close()


def fetch_readings(connection: sa.Connection, query: PageQuery) -> Page:
    """Return a page of acts of reading by ``received_at``."""
    rows = keep_equal(LISTED, query, *FILTERED)
    return fetch_page(connection, [rows], query, sort_key=KEY)


def fetch_last_readings(
    connection: sa.Connection, about: str, wanted: str, *, most: int
) -> Sequence[Row]:
    """Return the last acts that are about one ``subject_id`` or ``user_id``, newest first."""
    newest_first = (one.desc() for one in KEY)
    rows = LISTED.filter_by(**{about: wanted}).order_by(*newest_first).limit(most)
    return [dict(row) for row in connection.execute(rows).mappings()]
