"""Make months partitions before they begin, and drop them once they are purged."""

from datetime import datetime

import sqlalchemy as sa

from models.database.months import fold_month, has_more, list_months, make_month, next_month
from services.recording.database import RecorderDatabase
from services.recording.ledger import Numbers

AHEAD = 2  # months: a recorder that is off for weeks is no reason to use the rest
MOST_MONTHS = 24  # as most questions look into each
MOST_ROWS = 10_000  # of a table, that are moved to the rest while everything else waits
LOCK_WAIT = sa.text("SET LOCAL lock_timeout = 100")  # milliseconds, in which no reader can begin


def drop_month(database: RecorderDatabase) -> None:
    """Drop the oldest month that is purged.

    It still holds what the states of living subjects rest on. If that is much, it stays.

    Raises:
        BusyError: a long read, such as an export, is in the way.
    """
    with database.begin() as connection:
        numbers = Numbers.lock(connection)
        connection.execute(LOCK_WAIT)
        for month in list_months(connection):
            is_purged = next_month(month) <= numbers.kept_since
            if is_purged and not has_more(connection, month, MOST_ROWS):
                fold_month(connection, month)
                break


def make_months(database: RecorderDatabase, *, now: datetime) -> None:
    """Make the next months.

    Raises:
        BusyError: as ``drop_month``.
    """
    with database.begin() as connection:
        Numbers.lock(connection)
        connection.execute(LOCK_WAIT)
        months, month = list_months(connection), now
        for _ in range(AHEAD):
            month = next_month(month)
            if month not in months and len(months) < MOST_MONTHS:
                make_month(connection, month)
                months.append(month)
