"""Send a callback through a URL, and look for it in the database."""

import secrets
import time
from dataclasses import dataclass

import sqlalchemy as sa

from models.delivery import Delivery
from services.sender import Answer, Sender, to_bytes

COMMAND = "Doctor.RoundTrip"  # which Tencent does not have
ARRIVAL_SECONDS = 10.0  # for one that goes to the spool
POLL_SECONDS = 0.1
SENT = sa.select(sa.func.max(Delivery.id)).where(
    Delivery.command == COMMAND, Delivery.body == sa.bindparam("body")
)


@dataclass(frozen=True)
class RoundTrip:
    """What became of it.

    Attributes:
        looked_for: whether there was a database to look into.
        delivery_id: where it is stored; none if it did not come.
    """

    answer: Answer
    looked_for: bool
    delivery_id: int | None


def make_round_trip(sender: Sender, engine: sa.Engine | None) -> RoundTrip:
    """Send one callback, and wait until it is stored; it stays, as an ``unhandled`` delivery.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database can't be asked.
    """
    body = {"CallbackCommand": COMMAND, "Nonce": secrets.token_hex(16)}
    answer = sender.send(body)
    if engine is None or not answer.is_ok:
        return RoundTrip(answer, False, None)
    return RoundTrip(answer, True, await_delivery(engine, to_bytes(body)))


def await_delivery(engine: sa.Engine, body: bytes) -> int | None:
    """Wait until a body is stored, and tell as which delivery; none if it does not come."""
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            delivery_id: int | None = connection.scalar(SENT, {"body": body})
        if delivery_id is not None:
            return delivery_id
        time.sleep(POLL_SECONDS)
    return None
