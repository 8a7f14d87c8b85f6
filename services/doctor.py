"""Look for what would keep callbacks from being received, stored or read."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from config import Settings
from models.delivery import Delivery
from models.quarantine import QuarantinedRequest
from models.vocabulary import Refusal
from schemas.envelope import read_envelope
from services.health import DatabaseHealth, SpoolHealth
from services.round_trip import COMMAND, RoundTrip

SLOW_SECONDS = 1.0  # of the 2 that Tencent waits
COMPARED = 20  # newest callbacks
# Either was signed with a token of ours.
SIGNED = (
    sa.select(Delivery.received_at, Delivery.query_string)
    .where(Delivery.sdk_app_id.in_(sa.bindparam("sdk_app_ids", expanding=True)))
    .where(Delivery.command != COMMAND)
    .order_by(Delivery.received_at.desc(), Delivery.id.desc())
    .limit(COMPARED)
)
EXPIRED = (
    sa.select(QuarantinedRequest.received_at, QuarantinedRequest.query_string)
    .where(QuarantinedRequest.reason == Refusal.SIGN_EXPIRED)
    .order_by(QuarantinedRequest.received_at.desc(), QuarantinedRequest.id.desc())
    .limit(COMPARED)
)


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Finding:
    """What was found about one thing, in words."""

    level: Level
    about: str
    text: str


def examine_settings(settings: Settings) -> Iterator[Finding]:
    """Look at who may send and who may read."""
    open_apps = [app for app, tokens in settings.sdk_apps.items() if not tokens]
    for app in open_apps:
        yield Finding(Level.WARNING, "senders", f"app {app} has no token: anyone may send for it")
    if not open_apps:
        yield Finding(Level.OK, "senders", f"apps, each with a token: {len(settings.sdk_apps)}")
    keys = len(settings.api_keys)
    if keys:
        yield Finding(Level.OK, "readers", f"API keys: {keys}")
    else:
        yield Finding(Level.WARNING, "readers", "nobody may read: API_KEYS is not set")


def examine_database(about: str, health: DatabaseHealth) -> Finding:
    """Look at one database and its migration."""
    if not health.reachable:
        return Finding(Level.FAILURE, about, f"{health.engine} does not answer")
    if not health.ready:
        text = f"at revision {health.revision or 'none'}, not {health.expected_revision}"
        return Finding(Level.FAILURE, about, f"{health.engine} is {text}: make migrate")
    return Finding(Level.OK, about, f"{health.engine} at revision {health.revision}")


def examine_spool(spool: SpoolHealth) -> Finding:
    """Look at what waits, and whether more could."""
    waits = f"{spool.depth} callbacks wait, the first for {spool.age_seconds:.0f} s"
    if not spool.writable:
        return Finding(Level.FAILURE, "spool", f"can't be written to; {waits}")
    if spool.stuck:
        return Finding(
            Level.FAILURE, "spool", f"{waits}; {spool.stuck} can't be stored: see the log"
        )
    if spool.depth:
        return Finding(Level.WARNING, "spool", waits)
    return Finding(Level.OK, "spool", "writable, and nothing waits")


def examine_clock(session: Session, settings: Settings) -> Finding:
    """Compare this machine's clock with Tencent's: each callback says when it was signed."""
    apps = [app for app, tokens in settings.sdk_apps.items() if tokens]
    rows = [*session.execute(SIGNED, {"sdk_app_ids": apps}), *session.execute(EXPIRED)]
    signed = [
        (row.received_at, signed_at)
        for row in rows
        if (signed_at := read_envelope(row.query_string).signed_at)
    ]
    if not signed:
        return Finding(Level.OK, "clock", "not compared: no signed callback has come yet")
    received_at, signed_at = max(signed)
    ahead, tolerance = received_at - signed_at, settings.sign_tolerance
    level = Level.OK
    if abs(ahead) > tolerance / 2:
        level = Level.FAILURE if abs(ahead) > tolerance else Level.WARNING
    text = f"{ahead.total_seconds():+.1f} s from that of who sent the newest signed callback"
    return Finding(level, "clock", f"{text}, at {received_at:%Y-%m-%d %H:%M:%S} UTC")


def examine_round_trip(trip: RoundTrip) -> Finding:
    """Look at what became of a callback that was sent through a URL."""
    said = f"{trip.answer.status} in {trip.answer.seconds * 1000:.0f} ms"
    if not trip.answer.is_ok:
        text = f"{said}: {' '.join(trip.answer.text.split())}"
        return Finding(Level.FAILURE, "round trip", text)
    if trip.delivery_id is None:
        text = f"{said}, but the callback is not in this database: does the URL lead here?"
        return Finding(Level.FAILURE, "round trip", text)
    level = Level.WARNING if trip.answer.seconds > SLOW_SECONDS else Level.OK
    return Finding(level, "round trip", f"{said}, stored as delivery {trip.delivery_id}")
