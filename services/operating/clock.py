"""Compare this machine's clock with Tencent's: each callback says when it was signed."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median_low

import sqlalchemy as sa

from config import ReceiverSettings
from models.delivery import Delivery
from models.quarantine import QuarantinedRequest
from models.vocabulary import Refusal
from schemas.tencent.envelope import read_envelope
from services.operating.finding import Finding, Level, count
from services.operating.sender import MARK

MAX_COMPARED = 20
MIN_REFUSED = 3
RECENT = timedelta(days=1)


def select_newest(
    table: type[Delivery | QuarantinedRequest], *conditions: sa.ColumnElement[bool]
) -> sa.Select[datetime, str]:
    """Select the newest requests of a period, without those that the commands here sent."""
    return (
        sa.select(table.received_at, table.query_string)
        .where(
            *conditions,
            table.received_at.between(sa.bindparam("since"), sa.bindparam("now")),
            ~table.query_string.contains(MARK),
        )
        .order_by(table.received_at.desc(), table.id.desc())
        .limit(MAX_COMPARED)
    )


# Both were signed with a token of ours.
SIGNED = select_newest(Delivery, Delivery.sdk_app_id == sa.bindparam("sdk_app_id"))
EXPIRED = select_newest(QuarantinedRequest, QuarantinedRequest.reason == Refusal.SIGN_EXPIRED)


def examine_clock(
    connection: sa.Connection, settings: ReceiverSettings, *, now: datetime
) -> Finding:
    """Compare the clock with the median of what the newest callbacks say.

    Refused callbacks, too old or too new, count only if there are several, signed at different
    times, and none was accepted after them: an old callback can be sent again by anyone.

    Args:
        connection: may read.
        settings: callbacks of apps without a token prove nothing.
        now: timezone-aware; what was received later, before the clock was put right, is left out.
    """
    recent = {"since": now - RECENT, "now": now}
    accepted = [
        row
        for sdk_app_id, tokens in settings.sdk_apps.items()
        if tokens
        for row in connection.execute(SIGNED, {**recent, "sdk_app_id": sdk_app_id})
    ]
    last = max((row.received_at for row in accepted), default=recent["since"])
    expired = [row for row in connection.execute(EXPIRED, recent) if row.received_at > last]
    ahead = compare(expired)
    if len(ahead) < MIN_REFUSED:
        ahead = compare(accepted)
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


def compare(rows: Iterable[sa.Row[datetime, str]]) -> list[timedelta]:
    """Return how far our clock was ahead at each callback; a signing time counts once."""
    ahead = {}
    for row in rows:
        signed_at = read_envelope(row.query_string).signed_at
        if signed_at is not None:
            ahead[signed_at] = row.received_at - signed_at
    return list(ahead.values())
