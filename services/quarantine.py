"""Keep what was refused, within limits that strangers can't push."""

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from models.quarantine import QuarantinedRequest
from models.vocabulary import Refusal
from schemas.envelope import Arrival
from schemas.page import PageQuery
from services.pages import Page, fetch_page

MAX_REQUESTS = 10_000
MAX_KEPT_BYTES = 64 * 1024


def quarantine_request(
    sessions: sessionmaker[Session],
    reason: Refusal,
    arrival: Arrival,
    body: bytes | None,
) -> None:
    """Keep a refused request in place of the oldest one beyond ``MAX_REQUESTS``.

    Args:
        sessions: makes sessions that may write.
        reason: why it was refused.
        arrival: when and from where it came.
        body: none where it was too large to be read.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database did not take it.
    """
    with sessions.begin() as session:
        request = QuarantinedRequest(
            received_at=arrival.received_at,
            reason=reason,
            peer=arrival.peer,
            query_string=arrival.query_string,
            body=(body or b"")[:MAX_KEPT_BYTES],
            body_bytes=None if body is None else len(body),
        )
        session.add(request)
        session.flush()
        oldest_kept = request.id - MAX_REQUESTS
        session.execute(sa.delete(QuarantinedRequest).where(QuarantinedRequest.id <= oldest_kept))


def fetch_quarantine(session: Session, query: PageQuery) -> Page:
    """Fetch a page of refused requests by ``received_at``."""
    return fetch_page(
        session,
        [sa.select(QuarantinedRequest.__table__)],
        query,
        sort_key=(QuarantinedRequest.received_at, QuarantinedRequest.id),
    )
