"""Send a callback through a URL, and look for it in the database."""

import secrets
import time

import sqlalchemy as sa

from models.delivery import Delivery
from services.operating.finding import Finding, Level
from services.operating.sender import Sender, to_bytes

COMMAND = "Doctor.RoundTrip"  # which Tencent does not have
ARRIVAL_SECONDS = 10.0  # more than a busy recorder takes
POLL_SECONDS = 0.1
SLOW_SECONDS = 1.0  # of the 2 that Tencent waits
SENT = sa.select(sa.func.max(Delivery.id)).where(
    Delivery.command == COMMAND, Delivery.body == sa.bindparam("body")
)


def examine_round_trip(sender: Sender, engine: sa.Engine | None) -> Finding:
    """Send one callback and wait until it is recorded; it stays, as an ``unhandled`` delivery.

    Args:
        sender: has the URL.
        engine: reads the database that the callback should reach; none if it can't be asked.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database does not answer.
    """
    about = "round trip"
    body = {"CallbackCommand": COMMAND, "Nonce": secrets.token_hex(16)}
    answer = sender.send(body)
    sender.close()
    took = f"{answer.seconds * 1000:.0f} ms"
    if not answer.is_ok:
        return Finding(Level.FAILED, about, f"{answer} in {took}")
    if engine is None:
        text = f"OK in {took}; look-up skipped: database check failed"
        return Finding(Level.WARNING, about, text)
    delivery_id = await_delivery(engine, to_bytes(body))
    if delivery_id is None:
        text = f"OK in {took}, but not recorded here: no recorder, or the URL leads elsewhere"
        return Finding(Level.FAILED, about, text)
    level = Level.WARNING if answer.seconds > SLOW_SECONDS else Level.OK
    return Finding(level, about, f"OK in {took}, recorded as delivery {delivery_id}")


def await_delivery(engine: sa.Engine, body: bytes) -> int | None:
    """Wait until a body is recorded and return the ID of its delivery; none if it is not."""
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while True:
        with engine.connect() as connection:
            delivery_id: int | None = connection.scalar(SENT, {"body": body})
        if delivery_id is not None or time.monotonic() > deadline:
            return delivery_id
        time.sleep(POLL_SECONDS)
