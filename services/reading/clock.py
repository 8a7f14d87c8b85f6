"""Compare this machine's clock with Tencent's: each callback says when it was signed."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median_low

import sqlalchemy as sa

from models.clock import DAY
from models.delivery import Delivery
from models.quarantine import QuarantinedRequest
from models.vocabulary import Refusal
from schemas.tencent.envelope import SIMULATED, read_envelope

MAX_COMPARED, MAX_READ = 20, 500  # requests; only those of apps with a token are signed
MIN_REFUSED = 3
RECENT = DAY


def select_newest(
    table: type[Delivery | QuarantinedRequest], *conditions: sa.ColumnElement[bool]
) -> sa.Select[datetime, str]:
    """Select signed requests among the newest of a period, except those of our own commands."""
    newest = (
        sa.select(table.received_at, table.id, table.query_string)
        .where(*conditions, table.received_at.between(sa.bindparam("since"), sa.bindparam("now")))
        .order_by(table.received_at.desc(), table.id.desc())
        .limit(MAX_READ)
        .subquery()
    )
    is_signed = newest.c.query_string.contains("Sign=")
    is_simulated = newest.c.query_string.contains(SIMULATED)
    return (
        sa.select(newest.c.received_at, newest.c.query_string)
        .where(is_signed, ~is_simulated)
        .order_by(newest.c.received_at.desc(), newest.c.id.desc())
        .limit(MAX_COMPARED)
    )


ACCEPTED = select_newest(Delivery)
ACCEPTED_OF_APP = select_newest(Delivery, Delivery.sdk_app_id == sa.bindparam("sdk_app_id"))
EXPIRED = select_newest(QuarantinedRequest, QuarantinedRequest.reason == Refusal.SIGN_EXPIRED)


def measure_ahead(
    connection: sa.Connection, *, now: datetime, apps: Iterable[str] | None = None
) -> Sequence[timedelta]:
    """Return how far this machine's clock was ahead of the sender's at the newest signed callbacks.

    Refused callbacks, too old or too new, count only if there are several, signed at different
    times, and none was accepted after them: an old callback can be sent again by anyone.

    Args:
        connection: one that may read.
        now: timezone-aware; callbacks received later, before the clock was corrected, are left out.
        apps: those that have a token, as callbacks of others prove nothing; all apps if unknown.

    Returns:
        One value for each time of signing; empty if nothing was signed in a day.
    """
    recent = {"since": now - RECENT, "now": now}
    if apps is None:
        accepted = [*connection.execute(ACCEPTED, recent)]
    else:
        accepted = [
            row
            for app in apps
            for row in connection.execute(ACCEPTED_OF_APP, {**recent, "sdk_app_id": app})
        ]
    last = max((row.received_at for row in accepted), default=recent["since"])
    expired = [row for row in connection.execute(EXPIRED, recent) if row.received_at > last]
    ahead = compare(expired)
    return ahead if len(ahead) >= MIN_REFUSED else compare(accepted)


def compare(rows: Iterable[sa.Row[datetime, str]]) -> Sequence[timedelta]:
    """Return how far the clock was ahead at each callback; each time of signing counts once."""
    ahead = {}
    for row in rows:
        signed_at = read_envelope(row.query_string).signed_at
        if signed_at is not None:
            ahead[signed_at] = row.received_at - signed_at
    return list(ahead.values())


def find_ahead(connection: sa.Connection, *, now: datetime) -> timedelta | None:
    """Return how far the clock is ahead; none if nothing was signed in a day."""
    ahead = measure_ahead(connection, now=now)
    return median_low(ahead) if ahead else None
