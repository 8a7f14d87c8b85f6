"""What was sent: authentic deliveries, differences from the documentation, refused requests."""

from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import abort

from blueprints.api.access import bp
from blueprints.api.operation import answer_page, operation
from blueprints.api.readings import name_subject
from blueprints.api.runtime import runtime
from schemas.api.deliveries import (
    DeliveryDetailSchema,
    DeliveryPageSchema,
    DeliveryQuerySchema,
    DriftSchema,
    QuarantinedRequestPageSchema,
    QuarantineQuerySchema,
)
from schemas.api.page import PageQuery
from services.reading.deliveries import (
    fetch_deliveries,
    fetch_delivery,
    fetch_drift,
    fetch_quarantine,
)
from services.reading.history import fetch_event_of
from services.reading.pages import Row


@bp.get("/deliveries")
@operation(DeliveryPageSchema, query=DeliveryQuerySchema)
def show_deliveries(query: PageQuery) -> dict[str, Any]:
    """List authentic deliveries, newest first."""
    with runtime().connect() as connection:
        return answer_page(query, partial(fetch_deliveries, connection))


@bp.get("/deliveries/<row_id:delivery_id>")
@operation(DeliveryDetailSchema)
def show_delivery(delivery_id: int) -> dict[str, Any]:
    """Show one delivery with its raw body."""
    with runtime().connect() as connection:
        delivery, _ = read_delivery(connection, delivery_id)
    return delivery


def read_delivery(connection: sa.Connection, delivery_id: int) -> tuple[Row, Row | None]:
    """Read a delivery with its body and its event; note the subject for the reading.

    Raises:
        werkzeug.exceptions.NotFound: no delivery has this ID.
    """
    found = fetch_delivery(connection, delivery_id)
    if found is None:
        abort(404, f"No delivery has the ID {delivery_id}.")
    event = fetch_event_of(connection, found["duplicate_of"] or delivery_id)
    name_subject(event["subject_id"] if event else None)
    return found, event


@bp.get("/quarantine")
@operation(QuarantinedRequestPageSchema, query=QuarantineQuerySchema)
def show_quarantine(query: PageQuery) -> dict[str, Any]:
    """List refused requests with the reason, newest first."""
    with runtime().connect() as connection:
        return answer_page(query, partial(fetch_quarantine, connection))


@bp.get("/drift")
@operation(DriftSchema)
def show_drift() -> dict[str, Any]:
    """Show which fields and types were sent that Tencent does not document for their command."""
    with runtime().connect() as connection:
        return {"items": fetch_drift(connection)}
