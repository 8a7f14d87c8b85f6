"""Everything that passes some filters, as one file."""

import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from enum import Enum
from functools import partial
from itertools import chain, islice
from threading import BoundedSemaphore
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import Response, request
from werkzeug.exceptions import ServiceUnavailable

from blueprints.api.access import bp
from blueprints.api.operation import operation
from blueprints.api.runtime import EXPORT_CONNECTIONS, runtime
from models.clock import move_to_zone
from schemas.api.export import CONTENT_TYPES, ExportFormat, ExportQuerySchema, MemberRowSchema
from schemas.api.history import EventSchema
from schemas.api.page import PageQuery
from schemas.api.slips import refuse_slip
from services.exporting.formats import WRITERS
from services.exporting.tables import EVENTS, MEMBERS, Table

UTC = ZoneInfo("UTC")
RETRY_SECONDS = 30
TURNS = BoundedSemaphore(EXPORT_CONNECTIONS)
MOST_OF_A_FILTER = 40  # characters in the name of a file
MOST_OF_A_NAME = 150
NOT_OF_A_NAME = re.compile("[^A-Za-z0-9.]+")


@bp.get("/export")
@operation(EventSchema, query=ExportQuerySchema, content_types=[*CONTENT_TYPES.values()])
def export_history(query: PageQuery) -> Response:
    """Write all events that pass the filters, newest first by default."""
    return answer_file(EVENTS, query, query.filters["format"], UTC)


@bp.get("/export/members")
@operation(MemberRowSchema, query=ExportQuerySchema, content_types=[*CONTENT_TYPES.values()])
def export_members(query: PageQuery) -> Response:
    """Write a row for each user whom one of these events names."""
    return answer_file(MEMBERS, query, query.filters["format"], UTC)


def answer_file(table: Table, query: PageQuery, chosen: ExportFormat, zone: ZoneInfo) -> Response:
    """Answer with the rows of a table that match a query.

    Raises:
        ServiceUnavailable, ValidationError: as ``write_file``.
    """
    name = name_file(table, query.filters, runtime().now().astimezone(zone))
    file = write_file(runtime().export_engine, table, query, chosen, zone)
    return stream(file, f"{name}.{chosen}", CONTENT_TYPES[chosen])


def stream(file: Generator[bytes], name: str, content_type: str) -> Response:
    """Answer with a file; a later failure cuts the connection."""
    # An immediate failure still has a status. A HEAD request reads nothing.
    pieces = chain([next(file, b"")], file) if request.method == "GET" else iter(())
    response = Response(pieces, content_type=content_type)
    response.call_on_close(file.close)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def write_file(
    engine: sa.Engine, table: Table, query: PageQuery, chosen: ExportFormat, zone: ZoneInfo
) -> Generator[bytes]:
    """Write the file, piece by piece.

    Raises:
        ServiceUnavailable: too many other exports are running.
        ValidationError: there is nothing to write, probably because of a slip in the address.
    """
    if not TURNS.acquire(blocking=False):  # waiting for one would take minutes
        raise ServiceUnavailable("Other exports are running.", retry_after=RETRY_SECONDS)
    try:
        with engine.connect() as connection, closing(table.read(connection, query)) as items:
            first = [*islice(items, 1)]
            if not first:
                refuse_slip(query, partial(table.fetch, connection))
            yield from WRITERS[chosen](table, chain(first, items), zone)
    finally:
        TURNS.release()


def name_file(table: Table, filters: Mapping[str, Any], now: datetime) -> str:
    """Name a file after its content: ``events_2026-11-25_group_destroyed``."""
    chosen = [(name, given) for name, given in filters.items() if name != "sort"]
    parts = (part for name, given in chosen for part in name_filter(name, given, now))
    return "_".join([table.name, f"{now:%Y-%m-%d}", *parts])[:MOST_OF_A_NAME]


def name_filter(name: str, given: Any, now: datetime) -> Iterator[str]:
    """Yield the parts of a file name that tell the value of a filter."""
    for value in given if isinstance(given, list) else [given]:
        if isinstance(value, datetime):
            yield f"{name}-{move_to_zone(value, now.tzinfo or UTC):%Y-%m-%dT%H%M}"
        elif not isinstance(value, Enum):
            yield f"{name}-{NOT_OF_A_NAME.sub('-', str(value)).strip('-.')[:MOST_OF_A_FILTER]}"
        elif name not in ("format", "order"):
            yield value.value
