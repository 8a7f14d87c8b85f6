"""Send a callback through a URL, and look for it in the database."""

import secrets
import time

import sqlalchemy as sa

from models.database.engine import connect_to_read
from models.delivery import Delivery, has_command
from services.operating.finding import Finding, Level
from services.operating.sender import Sender

COMMAND = "Doctor.RoundTrip"  # which Tencent does not use
ARRIVAL_SECONDS = 10.0  # more than a busy recorder takes
POLL_SECONDS = 0.1
SLOW_SECONDS = 1.0  # of the 2 that Tencent waits
NEWEST = sa.select(sa.func.coalesce(sa.func.max(Delivery.id), 0)).where(has_command(COMMAND))


def examine_round_trip(sender: Sender, url: sa.URL | None) -> Finding:
    """Send one callback and wait until it is recorded; it remains as an ``unhandled`` delivery.

    ``url`` leads to the database that the callback should reach; none if that cannot be asked.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database does not answer.
    """
    about = "round trip"
    newest = fetch_newest(url) if url else 0
    body = {"CallbackCommand": COMMAND, "Nonce": secrets.token_hex(16)}
    answer = sender.send(body)
    sender.close()
    took = f"{answer.seconds * 1000:.0f} ms"
    if not answer.is_ok:
        return Finding(Level.FAILED, about, f"{answer} in {took}")
    if url is None:
        text = f"OK in {took}; look-up skipped: database check failed"
        return Finding(Level.WARNING, about, text)
    delivery_id = await_delivery(url, after=newest)
    if delivery_id is None:
        text = f"OK in {took}, but not recorded here: no recorder, or the URL leads elsewhere"
        return Finding(Level.FAILED, about, text)
    level = Level.WARNING if answer.seconds > SLOW_SECONDS else Level.OK
    return Finding(level, about, f"OK in {took}, recorded as delivery {delivery_id}")


def fetch_newest(url: sa.URL) -> int:
    """Return the ID of the newest delivery of a round trip, 0 if there is none."""
    with connect_to_read(url) as connection:
        return connection.scalars(NEWEST).one()


def await_delivery(url: sa.URL, *, after: int) -> int | None:
    """Wait until a round trip is recorded and return the ID of its delivery; none if it is not."""
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while (newest := fetch_newest(url)) <= after:
        if time.monotonic() > deadline:
            return None
        time.sleep(POLL_SECONDS)
    return newest
