"""What was sent: every authentic POST, and what was refused."""

from typing import Any

from flask import Blueprint, abort

from blueprints.access import require_api_key
from blueprints.operation import ROW_ID, answer_page, operation
from blueprints.runtime import runtime
from schemas.deliveries import (
    DeliveryDetailSchema,
    DeliveryPageSchema,
    DeliveryQuerySchema,
    QuarantinedRequestPageSchema,
    QuarantineQuerySchema,
)
from schemas.page import PageQuery
from services.deliveries import fetch_deliveries, fetch_delivery
from services.quarantine import fetch_quarantine

bp = Blueprint("deliveries", __name__)
bp.before_request(require_api_key)


@bp.get("/deliveries")
@operation(DeliveryPageSchema, query=DeliveryQuerySchema)
def show_deliveries(query: PageQuery) -> dict[str, Any]:
    """List authentic deliveries, newest first."""
    with runtime().database.reads() as session:
        return answer_page(query, fetch_deliveries(session, query))


@bp.get(f"/deliveries/<{ROW_ID}:delivery_id>")
@operation(DeliveryDetailSchema)
def show_delivery(delivery_id: int) -> dict[str, Any]:
    """Show one delivery with its raw body."""
    with runtime().database.reads() as session:
        found = fetch_delivery(session, delivery_id)
        return found or abort(404, f"No delivery has the ID {delivery_id}.")


@bp.get("/quarantine")
@operation(QuarantinedRequestPageSchema, query=QuarantineQuerySchema)
def show_quarantine(query: PageQuery) -> dict[str, Any]:
    """List refused requests with the reason, newest first."""
    with runtime().database.reads() as session:
        return answer_page(query, fetch_quarantine(session, query))
