"""Instants: all are aware, in UTC."""

from datetime import UTC, datetime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_now() -> datetime:
    """Tell the current instant."""
    return datetime.now(UTC)
