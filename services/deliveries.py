"""Read deliveries: what was sent, and what became of it."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from models.delivery import Delivery
from schemas.page import PageQuery
from services.pages import Page, Row, fetch_page, fetch_row, keep_equal

LISTED = [column for column in Delivery.__table__.columns if column.key != "body"]
FILTERED = (Delivery.verdict, Delivery.command, Delivery.sdk_app_id)


def fetch_deliveries(session: Session, query: PageQuery) -> Page:
    """Fetch a page of deliveries by ``received_at``, without their bodies."""
    rows = keep_equal(sa.select(*LISTED), query, *FILTERED)
    return fetch_page(session, [rows], query, sort_key=(Delivery.received_at, Delivery.id))


def fetch_delivery(session: Session, delivery_id: int) -> Row | None:
    """Fetch one delivery with its body, or none."""
    return fetch_row(session, sa.select(Delivery.__table__).where(Delivery.id == delivery_id))
