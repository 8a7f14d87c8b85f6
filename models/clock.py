"""Instants: all are aware, in UTC."""

from datetime import UTC, datetime, timedelta, tzinfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def utc_now() -> datetime:
    """Return the current instant."""
    return datetime.now(UTC)


def to_hour(at: datetime) -> int:
    """Count the whole hours from 1970 UTC to an instant."""
    return (at - EPOCH) // HOUR


def move_to_zone(instant: datetime, zone: tzinfo) -> datetime:
    """Move an instant into a zone; at either end of time it stays in UTC."""
    try:
        return instant.astimezone(zone)
    except OverflowError:
        return instant.astimezone(UTC)


def write_instant(instant: datetime) -> str:
    """Write an instant in RFC 3339, as in addresses."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
