"""Read what was sent: authentic POSTs, differences from the documentation, refused requests."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from models.clock import EPOCH
from models.counts import Difference, TotalCount
from models.delivery import Command, Delivery, has_command, has_verdict
from models.quarantine import QuarantinedRequest
from models.text import unescape_text
from models.types import ExactLongText
from models.vocabulary import Measure, Refusal
from schemas.api.page import PageQuery
from schemas.redaction import redact
from schemas.tencent.drift import list_documented
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from services.reading.facets import Facets, count_facets, sum_up
from services.reading.pages import (
    IDS,
    SIZE,
    Page,
    Row,
    Rows,
    fetch_page,
    fetch_row,
    fetch_whole,
    keep_equal,
)


class RedactedText(ExactLongText):
    """A query string without the value of ``Sign``."""

    cache_ok = True

    def result_processor(
        self, dialect: sa.Dialect, coltype: object
    ) -> Callable[[str | None], str | None]:
        """Unescape and redact the text on the way out."""
        return lambda value: None if value is None else redact(unescape_text(value))


def list_columns(table: sa.FromClause, *left_out: str) -> list[sa.ColumnElement[Any]]:
    """List the columns of a table of requests, in the only form that readers get."""
    shown: dict[str, sa.ColumnElement[Any]] = {
        "query_string": sa.type_coerce(table.c.query_string, RedactedText).label("query_string"),
        "command_id": Delivery.command.label("command"),
    }
    names = [column.key for column in table.columns if column.key not in left_out]
    return [shown.get(name, table.c[name]) for name in names]


DELIVERIES = sa.select(*list_columns(Delivery.__table__))
LISTED = sa.select(*list_columns(Delivery.__table__, "body"))
WITHOUT_RAW = sa.select(*list_columns(Delivery.__table__, "peer", "query_string", "body"))
WHOLE = sa.select(Delivery.__table__, Delivery.command)
PLACES = sa.select(Delivery.received_at, Delivery.id, sa.func.length(Delivery.body).label(SIZE))
KEY = (Delivery.received_at, Delivery.id)
FACETS = ("verdict", "command", "sdk_app_id")
COUNTED = sa.select(
    *Delivery.__table__.c["verdict", "sdk_app_id"], Delivery.command_id.label("command")
)
FIND_COMMANDS = sa.select(Command.id, Command.name).where(Command.id.in_(IDS))
COUNTED_COMMANDS = (
    sa.select(TotalCount.name, sa.func.sum(TotalCount.value))
    .where(TotalCount.measure == Measure.RECEIVED, TotalCount.name.in_(LIFECYCLE_SCHEMAS))
    .group_by(TotalCount.name)
)
REFUSED = sa.select(*list_columns(QuarantinedRequest.__table__))
LISTED_REFUSED = sa.select(*list_columns(QuarantinedRequest.__table__, "body"))
REFUSED_KEY = (QuarantinedRequest.received_at, QuarantinedRequest.id)
REFUSED_PLACES = sa.select(*REFUSED_KEY, sa.func.length(QuarantinedRequest.body).label(SIZE))
REFUSED_FACETS = ("reason", "sender", "sdk_app_id")
REFUSED_FILTERED = QuarantinedRequest.__table__.c[REFUSED_FACETS]
KNOWN_APP = {
    "yes": QuarantinedRequest.sdk_app_id.is_not(None),
    "no": QuarantinedRequest.sdk_app_id.is_(None),
}
REFUSED_COUNTED = sa.select(*REFUSED_FILTERED, *REFUSED_KEY)


def fetch_deliveries(connection: sa.Connection, query: PageQuery) -> Page:
    """Return a page of deliveries by ``received_at``, without their bodies."""
    rows = filter_deliveries(LISTED, query)
    return fetch_page(connection, [rows], query, sort_key=KEY)


def fetch_whole_deliveries(connection: sa.Connection, query: PageQuery) -> Page:
    """Return a page of deliveries by ``received_at``, byte for byte; never shown to readers."""
    places = fetch_page(connection, [filter_deliveries(PLACES, query)], query, sort_key=KEY)
    return fetch_whole(connection, places, WHOLE)


def count_delivery_facets(connection: sa.Connection, query: PageQuery) -> Facets:
    """Count the deliveries that pass the filters by verdict, command and app."""
    rows = filter_deliveries(COUNTED, query)
    facets = count_facets(connection, [rows], query, FACETS, sort_key=KEY)
    numbers = facets.counts["command"]
    ids = [number for number, _ in numbers if number is not None]
    names = dict(connection.execute(FIND_COMMANDS, {"ids": ids}).all())
    commands = sum_up((names.get(number), count) for number, count in numbers)
    return replace(facets, counts={**facets.counts, "command": commands})


def filter_deliveries(deliveries: Rows, query: PageQuery) -> Rows:
    """Keep the deliveries that pass the filters."""
    rows = keep_equal(deliveries, query, Delivery.sdk_app_id)
    conditions = {"verdict": has_verdict, "command": has_command}
    given = conditions.keys() & query.filters.keys()
    return rows.where(*(conditions[name](query.filters[name]) for name in given))


def fetch_delivery(
    connection: sa.Connection, delivery_id: int, *, is_raw: bool = True
) -> Row | None:
    """Return one delivery, or none; a raw one has its sender, query string and body."""
    columns = DELIVERIES if is_raw else WITHOUT_RAW
    return fetch_row(connection, columns.where(Delivery.id == delivery_id))


def fetch_neighbours(connection: sa.Connection, delivery_id: int) -> tuple[int | None, int | None]:
    """Return the IDs of the deliveries recorded before and after one, or none at an end."""
    before = sa.select(sa.func.max(Delivery.id)).where(Delivery.id < delivery_id)
    after = sa.select(sa.func.min(Delivery.id)).where(Delivery.id > delivery_id)
    row = connection.execute(sa.select(before.scalar_subquery(), after.scalar_subquery())).one()
    return row[0], row[1]


def fetch_repeats(connection: sa.Connection, delivery_id: int, *, most: int) -> Sequence[int]:
    """Return the IDs of the first repeats of a delivery, in order."""
    query = sa.select(Delivery.id).where(Delivery.duplicate_of == delivery_id)
    return connection.scalars(query.order_by(Delivery.id).limit(most)).all()


def fetch_first(connection: sa.Connection) -> tuple[int | None, Row | None]:
    """Return the ID of the first delivery, and the newest refused request to one of our apps."""
    ours = LISTED_REFUSED.where(QuarantinedRequest.sdk_app_id.is_not(None))
    newest = ours.order_by(*(column.desc() for column in REFUSED_KEY)).limit(1)
    return connection.scalar(sa.select(sa.func.min(Delivery.id))), fetch_row(connection, newest)


def find_delivery(connection: sa.Connection, wanted: int | UUID) -> Row | None:
    """Return the delivery with a number or UUID, without its body, or none."""
    if isinstance(wanted, int):
        return fetch_row(connection, LISTED.where(Delivery.id == wanted))
    try:
        arrival = EPOCH + timedelta(milliseconds=wanted.int >> 80)  # of version 7, like all of ours
    except OverflowError:
        return None
    then = Delivery.received_at.between(arrival, arrival + timedelta(milliseconds=1))
    return fetch_row(connection, LISTED.where(then, Delivery.uuid == wanted))


def fetch_quarantine(connection: sa.Connection, query: PageQuery) -> Page:
    """Return a page of refused requests by ``received_at``, cut to fit."""
    alternatives = filter_refused(REFUSED_PLACES, query)
    places = fetch_page(connection, alternatives, query, sort_key=REFUSED_KEY)
    return fetch_whole(connection, places, REFUSED)


def fetch_quarantine_list(connection: sa.Connection, query: PageQuery) -> Page:
    """Return a page of refused requests by ``received_at``, without their bodies."""
    alternatives = filter_refused(LISTED_REFUSED, query)
    return fetch_page(connection, alternatives, query, sort_key=REFUSED_KEY)


def count_refused_facets(connection: sa.Connection, query: PageQuery) -> Facets:
    """Count the refused requests that pass the filters by reason, sender and app."""
    alternatives = filter_refused(REFUSED_COUNTED, query)
    return count_facets(connection, alternatives, query, REFUSED_FACETS, sort_key=REFUSED_KEY)


def filter_refused(refused: Rows, query: PageQuery) -> list[Rows]:
    """Return selections of the requests that pass the filters, each in the order of an index.

    Each index of a sender or an app begins with the reason.
    """
    rows = keep_equal(refused, query, *REFUSED_FILTERED)
    if "known_app" in query.filters:
        rows = rows.where(KNOWN_APP[query.filters["known_app"]])
    if "reason" in query.filters or not {"sender", "sdk_app_id"} & query.filters.keys():
        return [rows]
    return [rows.where(QuarantinedRequest.reason == reason) for reason in Refusal]


def fetch_quarantined(connection: sa.Connection, request_id: int) -> Row | None:
    """Return one refused request, or none."""
    return fetch_row(connection, REFUSED.where(QuarantinedRequest.id == request_id))


def fetch_drift(connection: sa.Connection) -> list[Row]:
    """Fetch how each command that was sent differs from Tencent's documentation."""
    differences: dict[str, list[sa.RowMapping]] = {}
    for row in connection.execute(sa.select(Difference.__table__)).mappings():
        differences.setdefault(row["command"], []).append(row)
    received = dict(connection.execute(COUNTED_COMMANDS).all())
    return [
        {
            "command": command,
            "deliveries": received.get(command, 0),
            "differences": compare(command, differences.get(command, ())),
        }
        for command in sorted(received.keys() | differences)
    ]


def compare(command: str, rows: Iterable[sa.RowMapping]) -> list[Row]:
    """Keep the differences from the current documentation of a command, new fields first."""
    schema = LIFECYCLE_SCHEMAS.get(command)
    documented = list_documented(schema) if schema else {}
    differences = [
        {**row, "is_new": row["field"] not in documented}
        for row in rows
        if row["seen"] not in documented.get(row["field"], ())
    ]
    return sorted(differences, key=lambda one: (not one["is_new"], one["field"], one["seen"]))
