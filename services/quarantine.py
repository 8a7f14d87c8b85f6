"""Keep what was refused, within limits that strangers can't push."""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa
from sqlalchemy.orm import Session

from models.quarantine import QuarantinedRequest
from models.vocabulary import Refusal
from schemas.envelope import Arrival
from schemas.page import PageQuery
from services.committer import Committer
from services.pages import Page, Row, fetch_page, fetch_row

MAX_REQUESTS = 10_000
MAX_KEPT_BYTES = 64 * 1024
MAX_WAITING = 200
PATIENCE_SECONDS = 0.5

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RefusedRequest:
    """A request that nobody proved to be Tencent's.

    Attributes:
        body: none where it was too large to be read.
    """

    reason: Refusal
    arrival: Arrival
    body: bytes | None


class Quarantine:
    """Stores refused requests by the way: they share transactions, and the sender hardly waits."""

    def __init__(self, engine: sa.Engine) -> None:
        self.committer = Committer[RefusedRequest](partial(store_refusals, engine))

    def begin(self, request: RefusedRequest) -> "Quarantining":
        """Begin to keep a refused request, unless there are too many at once."""
        storing = None
        if len(self.committer.waiting) < MAX_WAITING:
            storing = self.committer.submit(request)
        return Quarantining(self.committer, storing, time.monotonic())


@dataclass(frozen=True)
class Quarantining:
    """A refused request that is being kept.

    Attributes:
        storing: done once it is kept; none if too many wait.
        began: when, in the seconds of ``time.monotonic``.
    """

    committer: Committer[RefusedRequest]
    storing: Future[None] | None
    began: float
    patience_seconds = PATIENCE_SECONDS

    def finish(self) -> None:
        """Wait a moment for it to be kept; the database may be away."""
        if self.storing is None:
            log.warning("refused request not kept: too many at once")
            return
        self.committer.flush()
        try:
            self.storing.result(max(self.began + PATIENCE_SECONDS - time.monotonic(), 0))
        except Exception as error:
            log.warning("refused request not kept in time: %s %s", type(error).__name__, error)


def store_refusals(engine: sa.Engine, requests: Sequence[RefusedRequest]) -> None:
    """Store some refused requests in place of the oldest ones beyond ``MAX_REQUESTS``.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database did not take them.
    """
    rows = [to_row(request) for request in requests]
    with engine.begin() as connection:
        if rows:
            connection.execute(sa.insert(QuarantinedRequest), rows)
        newest = connection.scalar(sa.select(sa.func.max(QuarantinedRequest.id))) or 0
        connection.execute(
            sa.delete(QuarantinedRequest).where(QuarantinedRequest.id <= newest - MAX_REQUESTS)
        )


def to_row(request: RefusedRequest) -> dict[str, object]:
    """Make the row of a refused request."""
    return {
        "received_at": request.arrival.received_at,
        "reason": request.reason,
        "peer": request.arrival.peer,
        "query_string": request.arrival.query_string,
        "body": (request.body or b"")[:MAX_KEPT_BYTES],
        "body_bytes": None if request.body is None else len(request.body),
    }


def fetch_quarantine(session: Session, query: PageQuery) -> Page:
    """Fetch a page of refused requests by ``received_at``."""
    return fetch_page(
        session,
        [sa.select(QuarantinedRequest.__table__)],
        query,
        sort_key=(QuarantinedRequest.received_at, QuarantinedRequest.id),
    )


def fetch_quarantined(session: Session, request_id: int) -> Row | None:
    """Fetch one refused request, or none."""
    query = sa.select(QuarantinedRequest.__table__).where(QuarantinedRequest.id == request_id)
    return fetch_row(session, query)
