"""Read what was sent: authentic POSTs, what differs from the documentation, what was refused."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from models.counts import Difference
from models.delivery import Delivery
from models.quarantine import QuarantinedRequest
from models.types import ExactLongText
from schemas.api.page import PageQuery
from schemas.redaction import redact
from schemas.tencent.drift import list_documented
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from services.reading.pages import IDS, SIZE, Page, Row, fetch_page, fetch_row, keep_equal


class RedactedText(ExactLongText):
    """A query string as it may be read."""

    cache_ok = True

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Redact on the way out."""
        text = super().process_result_value(value, dialect)
        return None if text is None else redact(text)


def list_columns(table: sa.FromClause, *left_out: str) -> list[sa.ColumnElement[Any]]:
    """List the columns of a table of requests, as no reader gets them otherwise."""
    return [
        sa.type_coerce(column, RedactedText).label(column.key)
        if column.key == "query_string"
        else column
        for column in table.columns
        if column.key not in left_out
    ]


DELIVERIES = sa.select(*list_columns(Delivery.__table__))
LISTED = sa.select(*list_columns(Delivery.__table__, "body"))
FILTERED = (Delivery.verdict, Delivery.command, Delivery.sdk_app_id)
REFUSED = sa.select(*list_columns(QuarantinedRequest.__table__))
LISTED_REFUSED = sa.select(*list_columns(QuarantinedRequest.__table__, "body"))
REFUSED_KEY = (QuarantinedRequest.received_at, QuarantinedRequest.id)
REFUSED_PLACES = sa.select(*REFUSED_KEY, sa.func.length(QuarantinedRequest.body).label(SIZE))


def fetch_deliveries(connection: sa.Connection, query: PageQuery) -> Page:
    """Return a page of deliveries by ``received_at``, without their bodies."""
    rows = keep_equal(LISTED, query, *FILTERED)
    return fetch_page(connection, [rows], query, sort_key=(Delivery.received_at, Delivery.id))


def fetch_delivery(connection: sa.Connection, delivery_id: int) -> Row | None:
    """Return one delivery with its body, or none."""
    return fetch_row(connection, DELIVERIES.where(Delivery.id == delivery_id))


def fetch_neighbours(connection: sa.Connection, delivery_id: int) -> tuple[int | None, int | None]:
    """Return the IDs of the deliveries recorded before and after one; none at either end."""
    before = sa.select(sa.func.max(Delivery.id)).where(Delivery.id < delivery_id)
    after = sa.select(sa.func.min(Delivery.id)).where(Delivery.id > delivery_id)
    row = connection.execute(sa.select(before.scalar_subquery(), after.scalar_subquery())).one()
    return row[0], row[1]


def fetch_repeats(connection: sa.Connection, delivery_id: int, *, most: int) -> Sequence[int]:
    """Return the IDs of the first deliveries that repeat one, in order."""
    query = sa.select(Delivery.id).where(Delivery.duplicate_of == delivery_id)
    return connection.scalars(query.order_by(Delivery.id).limit(most)).all()


def fetch_first(connection: sa.Connection) -> tuple[int | None, Row | None]:
    """Return the ID of the first delivery, and the newest refused request for one of our apps."""
    ours = LISTED_REFUSED.where(QuarantinedRequest.sdk_app_id.is_not(None))
    newest = ours.order_by(*(column.desc() for column in REFUSED_KEY)).limit(1)
    return connection.scalar(sa.select(sa.func.min(Delivery.id))), fetch_row(connection, newest)


def fetch_quarantine(connection: sa.Connection, query: PageQuery) -> Page:
    """Return a page of refused requests by ``received_at``, cut to fit."""
    places = fetch_page(connection, [REFUSED_PLACES], query, sort_key=REFUSED_KEY)
    ids = [place["id"] for place in places.items]
    found = connection.execute(REFUSED.where(QuarantinedRequest.id.in_(IDS)), {"ids": ids})
    requests = {row["id"]: dict(row) for row in found.mappings()}
    return Page([requests[request_id] for request_id in ids], places.next)


def fetch_quarantine_list(connection: sa.Connection, query: PageQuery) -> Page:
    """Return a page of refused requests by ``received_at``, without their bodies."""
    return fetch_page(connection, [LISTED_REFUSED], query, sort_key=REFUSED_KEY)


def fetch_quarantined(connection: sa.Connection, request_id: int) -> Row | None:
    """Return one refused request, or none."""
    return fetch_row(connection, REFUSED.where(QuarantinedRequest.id == request_id))


def fetch_drift(connection: sa.Connection) -> list[Row]:
    """Fetch for each command that was sent how it differs from Tencent's documentation."""
    rows = connection.execute(sa.select(Difference.__table__)).mappings().all()
    ordered = sorted(rows, key=lambda row: (row["command"], row["field"]))
    found = []
    for command, group in groupby(ordered, lambda row: row["command"]):
        total, *differences = group  # the row without a field comes first
        compared = compare(command, differences)
        found.append({"command": command, "deliveries": total["count"], "differences": compared})
    return found


def compare(command: str, rows: Iterable[sa.RowMapping]) -> list[Row]:
    """Keep what differs from today's documentation of a command, new fields first."""
    schema = LIFECYCLE_SCHEMAS.get(command)
    documented = list_documented(schema) if schema else {}
    differences = [
        {**row, "is_new": row["field"] not in documented}
        for row in rows
        if row["seen"] not in documented.get(row["field"], ())
    ]
    return sorted(differences, key=lambda one: (not one["is_new"], one["field"], one["seen"]))
