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


def keep_months(database: RecorderDatabase, *, makes: bool, now: datetime) -> None:
    """Fold the oldest month that is purged, and make the next ones.

    A purged month still holds what the states of living subjects rest on. If that is much, it stays
    a partition.

    Args:
        makes: whether to make any.

    Raises:
        BusyError: a long read, such as an export, is in the way.
    """
    with database.begin() as connection:
        numbers = Numbers.lock(connection)
        connection.execute(LOCK_WAIT)
        months = list_months(connection)
        purged = (month for month in months if next_month(month) <= numbers.kept_since)
        if small := [month for month in purged if not has_more(connection, month, MOST_ROWS)]:
            fold_month(connection, small[0])
        month = now
        for _ in range(AHEAD if makes else 0):
            month = next_month(month)
            if month not in months and len(months) < MOST_MONTHS:
                make_month(connection, month)
