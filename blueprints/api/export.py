"""The whole history, or the events that pass some filters, as one file."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain, islice
from threading import BoundedSemaphore

import sqlalchemy as sa
from flask import Response, request
from werkzeug.exceptions import ServiceUnavailable

from blueprints.api.access import bp
from blueprints.api.operation import operation
from blueprints.api.runtime import EXPORT_CONNECTIONS, runtime
from schemas.api.export import CONTENT_TYPES, WRITERS, ExportQuerySchema
from schemas.api.history import EventSchema
from schemas.api.page import PageQuery
from schemas.api.slips import refuse_slip
from services.reading.history import stream_history

PIECE_CHARACTERS = 64 * 1024
RETRY_SECONDS = 30
TURNS = BoundedSemaphore(EXPORT_CONNECTIONS)


@bp.get("/export")
@operation(EventSchema, query=ExportQuerySchema, content_types=[*CONTENT_TYPES.values()])
def export_history(query: PageQuery) -> Response:
    """Write all events that pass the filters, newest first by default.

    A failure on the way breaks the connection off: only a file with its last line, which says how
    many events there are, is complete.
    """
    chosen = query.filters["format"]
    response = Response(content_type=CONTENT_TYPES[chosen])
    response.headers["Content-Disposition"] = f"attachment; filename=history.{chosen}"
    if request.method == "GET":
        file = write_file(runtime().export_engine, query)
        response.call_on_close(file.close)
        response.response = chain([next(file)], file)  # a failure at once still has a status
    return response


def write_file(engine: sa.Engine, query: PageQuery) -> Generator[bytes]:
    """Write the file, piece by piece.

    Raises:
        ServiceUnavailable: too many other exports are running.
        ValidationError: there is nothing to write, likely because of a slip in the address.
    """
    if not TURNS.acquire(blocking=False):  # to wait for one would take minutes
        raise ServiceUnavailable("Other exports are running.", retry_after=RETRY_SECONDS)
    try:
        with engine.connect() as connection, closing(stream_history(connection, query)) as events:
            first = [*islice(events, 1)]
            if not first:
                refuse_slip(query.filters)
            yield from encode(WRITERS[query.filters["format"]](chain(first, events)))
    finally:
        TURNS.release()


def encode(lines: Iterable[str]) -> Iterator[bytes]:
    """Join lines to pieces worth sending."""
    piece: list[str] = []
    size = 0
    for line in lines:
        piece.append(line)
        size += len(line)
        if size >= PIECE_CHARACTERS:
            yield to_bytes(piece)
            piece, size = [], 0
    yield to_bytes(piece)


def to_bytes(lines: Iterable[str]) -> bytes:
    """Encode lines; JSON can hold half a surrogate pair, which UTF-8 can't."""
    return "".join(lines).encode(errors="backslashreplace")
