"""Read what was sent: authentic POSTs, what differs from the documentation, what was refused."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from models.clock import EPOCH
from models.counts import Difference
from models.delivery import Delivery
from models.quarantine import QuarantinedRequest
from models.types import ExactLongText
from models.vocabulary import Refusal
from schemas.api.page import PageQuery
from schemas.redaction import redact
from schemas.tencent.drift import list_documented
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from services.reading.facets import Facets, count_facets
from services.reading.pages import (
    IDS,
    SIZE,
    Page,
    Row,
    Rows,
    fetch_by_id,
    fetch_page,
    fetch_row,
    keep_equal,
)


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
KEY = (Delivery.received_at, Delivery.id)
FACETS = ("verdict", "command", "sdk_app_id")
COUNTED = sa.select(*Delivery.__table__.c[FACETS])
REFUSED = sa.select(*list_columns(QuarantinedRequest.__table__))
LISTED_REFUSED = sa.select(*list_columns(QuarantinedRequest.__table__, "body"))
REFUSED_KEY = (QuarantinedRequest.received_at, QuarantinedRequest.id)
REFUSED_PLACES = sa.select(*REFUSED_KEY, sa.func.length(QuarantinedRequest.body).label(SIZE))
REFUSED_FILTERED = (
    QuarantinedRequest.reason,
    QuarantinedRequest.sender,
    QuarantinedRequest.sdk_app_id,
)
REFUSED_FACETS = ("reason", "sender", "sdk_app_id")
REFUSED_COUNTED = sa.select(*QuarantinedRequest.__table__.c[REFUSED_FACETS], *REFUSED_KEY)


def fetch_deliveries(connection: sa.Connection, query: PageQuery) -> Page:
    """Return a page of deliveries by ``received_at``, without their bodies."""
    rows = keep_equal(LISTED, query, *FILTERED)
    return fetch_page(connection, [rows], query, sort_key=KEY)


def count_delivery_facets(connection: sa.Connection, query: PageQuery) -> Facets:
    """Count the deliveries that pass the filters by verdict, command and app."""
    rows = keep_equal(COUNTED, query, *FILTERED)
    return count_facets(connection, [rows], query, FACETS, sort_key=KEY)


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


def find_delivery(connection: sa.Connection, wanted: int | UUID) -> Row | None:
    """Return the delivery of a number or a UUID, without its body, or none."""
    if isinstance(wanted, int):
        return fetch_row(connection, LISTED.where(Delivery.id == wanted))
    try:
        arrival = EPOCH + timedelta(milliseconds=wanted.int >> 80)  # of version 7, as all are
    except OverflowError:
        return None
    then = Delivery.received_at.between(arrival, arrival + timedelta(milliseconds=1))
    return fetch_row(connection, LISTED.where(then, Delivery.uuid == wanted))


def fetch_quarantine(connection: sa.Connection, query: PageQuery) -> Page:
    """Return a page of refused requests by ``received_at``, cut to fit."""
    alternatives = filter_refused(REFUSED_PLACES, query)
    places = fetch_page(connection, alternatives, query, sort_key=REFUSED_KEY)
    ids = [place["id"] for place in places.items]
    requests = fetch_by_id(connection, REFUSED.where(QuarantinedRequest.id.in_(IDS)), ids)
    return Page([requests[request_id] for request_id in ids], places.next)


def fetch_quarantine_list(connection: sa.Connection, query: PageQuery) -> Page:
    """Return a page of refused requests by ``received_at``, without their bodies."""
    alternatives = filter_refused(LISTED_REFUSED, query)
    return fetch_page(connection, alternatives, query, sort_key=REFUSED_KEY)


def count_refused_facets(connection: sa.Connection, query: PageQuery) -> Facets:
    """Count the refused requests that pass the filters by reason, sender and app."""
    alternatives = filter_refused(REFUSED_COUNTED, query)
    return count_facets(connection, alternatives, query, REFUSED_FACETS, sort_key=REFUSED_KEY)


def filter_refused(refused: Rows, query: PageQuery) -> list[Rows]:
    """Return selections of the requests that pass the filters, each as an index has it in order.

    Each index of a sender or an app begins with the reason.
    """
    rows = keep_equal(refused, query, *REFUSED_FILTERED)
    if "reason" in query.filters or not {"sender", "sdk_app_id"} & query.filters.keys():
        return [rows]
    return [rows.where(QuarantinedRequest.reason == reason) for reason in Refusal]


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
