"""Compare this machine's clock with Tencent's: each callback says when it was signed."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median_low

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config import Settings
from models.delivery import Delivery
from models.quarantine import QuarantinedRequest
from models.vocabulary import Refusal
from schemas.envelope import read_envelope
from services.finding import Finding, Level
from services.sender import MARK

COMPARED = 20  # newest callbacks
SOME = 3  # refused ones
RECENT = timedelta(days=1)


def select_newest(
    table: type[Delivery | QuarantinedRequest], *conditions: sa.ColumnElement[bool]
) -> sa.Select[datetime, str]:
    """Select the newest of what others than the commands of this service sent in a time."""
    return (
        sa.select(table.received_at, table.query_string)
        .where(
            *conditions,
            table.received_at.between(sa.bindparam("since"), sa.bindparam("now")),
            ~table.query_string.contains(MARK),
        )
        .order_by(table.received_at.desc(), table.id.desc())
        .limit(COMPARED)
    )


# Both were signed with a token of ours.
SIGNED = select_newest(Delivery, Delivery.sdk_app_id == sa.bindparam("sdk_app_id"))
EXPIRED = select_newest(QuarantinedRequest, QuarantinedRequest.reason == Refusal.SIGN_EXPIRED)


def examine_clock(session: Session, settings: Settings, *, now: datetime) -> Finding:
    """Take the middle of what the newest callbacks say.

    Those that were too old to be accepted count only if there are some, signed at different times,
    and none was accepted after them: who has recorded one can send it again and again.

    Args:
        session: any that may read.
        settings: callbacks of apps without a token prove nothing.
        now: timezone-aware; what was received later, before the clock was put right, is left out.
    """
    recent = {"since": now - RECENT, "now": now}
    accepted = [
        row
        for sdk_app_id, tokens in settings.sdk_apps.items()
        if tokens
        for row in session.execute(SIGNED, {**recent, "sdk_app_id": sdk_app_id})
    ]
    last = max((row.received_at for row in accepted), default=recent["since"])
    expired = [row for row in session.execute(EXPIRED, recent) if row.received_at > last]
    ahead = compare(expired)
    if len(ahead) < SOME:
        ahead = compare(accepted)
    if not ahead:
        return Finding(Level.WARNING, "clock", "not compared: no signed callback for a day")
    middle, tolerance = median_low(ahead), settings.sign_tolerance
    level = Level.WARNING if abs(middle) > tolerance / 2 else Level.OK
    if abs(middle) > tolerance:
        level = Level.FAILURE
    text = f"{middle.total_seconds():+.1f} s from the sender's, by {len(ahead)} callbacks"
    return Finding(level, "clock", text)


def compare(rows: Iterable[sa.Row[datetime, str]]) -> list[timedelta]:
    """Tell how far our clock was ahead at each callback, of those signed at the same time once."""
    ahead = {}
    for row in rows:
        signed_at = read_envelope(row.query_string).signed_at
        if signed_at is not None:
            ahead[signed_at] = row.received_at - signed_at
    return list(ahead.values())
