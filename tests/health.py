"""Store what the recorder and the receiver report about the service."""

from collections import Counter

import sqlalchemy as sa

from models.counts import HourCount, MinuteCount, TotalCount
from models.database.engine import open_writer
from models.database.many import add, insert, unite
from models.vocabulary import Measure
from services.journal.status import STATUS, write_status
from services.recording.counts import to_hours

COLUMNS = ("minute", "measure", "sdk_app_id", "name", "verdict", "value")


def store_rows(url, model, rows):
    engine = open_writer(sa.make_url(url))
    with engine.begin() as connection:
        connection.execute(sa.insert(model), rows)
    engine.dispose()


def store_counts(url, *rows):
    """Store counts and their sums: minute, measure, app, name, verdict and value."""
    hours = to_hours({row[:5]: row[5] for row in rows})
    engine = open_writer(sa.make_url(url))
    with engine.begin() as connection:
        insert(connection, HourCount, hours, value=add, minutes=unite)
    engine.dispose()
    counts = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    store_rows(url, MinuteCount, counts)
    totals = Counter()
    for count in counts:
        if count["measure"] != Measure.DELAY_MICROSECONDS:
            totals[count["measure"], count["sdk_app_id"], count["name"], count["verdict"]] += count[
                "value"
            ]
    if totals:
        store_rows(
            url,
            TotalCount,
            [dict(zip(COLUMNS[1:], (*key, value), strict=True)) for key, value in totals.items()],
        )


def store_status(client, status):
    """Write the journal status for a reader; none removes it."""
    folders = client.application.extensions["runtime"].settings.journal_folders
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / STATUS).unlink(missing_ok=True)
    if status is not None:
        write_status(folders, status)
