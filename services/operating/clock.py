"""What ``doctor`` says of this machine's clock."""

from datetime import datetime
from statistics import median_low

import sqlalchemy as sa

from config import ReceiverSettings
from services.operating.finding import Finding, Level, count
from services.reading.clock import measure_ahead


def examine_clock(
    connection: sa.Connection, settings: ReceiverSettings, *, now: datetime
) -> Finding:
    """Compare the clock with the median of what the newest callbacks say.

    Args:
        connection: may read.
        settings: of the apps, and of the distance that is allowed.
        now: timezone-aware.
    """
    with_token = [app for app, tokens in settings.sdk_apps.items() if tokens]
    ahead = measure_ahead(connection, now=now, apps=with_token)
    if not ahead:
        return Finding(Level.WARNING, "clock", "not compared: no signed callback in 24 hours")
    middle, tolerance = median_low(ahead), settings.sign_tolerance
    level = Level.WARNING if abs(middle) > tolerance / 2 else Level.OK
    if abs(middle) > tolerance:
        level = Level.FAILED
    seconds = middle.total_seconds()
    side = "ahead of" if seconds >= 0 else "behind"
    text = f"{abs(seconds):.1f} s {side} the sender ({count(len(ahead), 'callback')})"
    return Finding(level, "clock", text)
