"""Instants as spreadsheets have them: in some zone, without naming it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def to_local(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return the local time of an instant; at either end of time that of UTC."""
    try:
        return instant.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        return instant.astimezone(UTC).replace(tzinfo=None)
