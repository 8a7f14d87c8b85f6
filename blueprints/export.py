"""The whole history, or what passes a filter, as one file."""

import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import chain
from threading import BoundedSemaphore
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import ServiceUnavailable

from blueprints.access import require_api_key
from blueprints.operation import Operation
from blueprints.runtime import runtime
from models.session import Database
from schemas.export import CONTENT_TYPES, WRITERS, ExportQuerySchema
from schemas.history import EventSchema
from schemas.page import PageQuery
from services.export import stream_history

PIECE_CHARACTERS = 64 * 1024
GZIP = 16 + zlib.MAX_WBITS
MAX_EXPORTS = 4  # at a time, of a process
RETRY_SECONDS = 30
TURNS = BoundedSemaphore(MAX_EXPORTS)

bp = Blueprint("export", __name__)
bp.before_request(require_api_key)


@bp.get("/export")
def export_history() -> Response:
    """Write all events that pass the filters, newest first if not told otherwise.

    If something fails on the way, the connection breaks off: only a file with its last line, which
    says how many events there are, is whole.
    """
    query: PageQuery = ExportQuerySchema().load(request.args.to_dict(flat=False))
    chosen = query.filters["format"]
    response = Response(content_type=CONTENT_TYPES[chosen])
    response.vary.add("Accept-Encoding")
    response.headers["Content-Disposition"] = f"attachment; filename=history.{chosen.value}"
    packed = request.accept_encodings.quality("gzip") > 0
    if packed:
        response.content_encoding = "gzip"
    if request.method == "GET":
        file = write_file(runtime().database, query)
        response.call_on_close(file.close)
        pieces = chain([next(file)], file)  # what fails at once is still answered as a failure
        response.response = compress(pieces) if packed else pieces
    return response


export_history.operation = Operation(  # type: ignore[attr-defined]
    ExportQuerySchema(), EventSchema(), tuple(CONTENT_TYPES.values())
)


def write_file(database: Database, query: PageQuery) -> Generator[bytes]:
    """Write the file, piece by piece.

    Raises:
        ServiceUnavailable: others are at it.
    """
    with (
        taking_turns(),
        database.reads() as session,
        closing(stream_history(session, query)) as events,
    ):
        yield from encode(WRITERS[query.filters["format"]](events))


@contextmanager
def taking_turns() -> Iterator[None]:
    """Leave connections for those who read pages."""
    if not TURNS.acquire(blocking=False):
        raise ServiceUnavailable("Other exports are running.", retry_after=RETRY_SECONDS)
    try:
        yield
    finally:
        TURNS.release()


def encode(lines: Iterable[str]) -> Iterator[bytes]:
    """Put lines together to pieces worth sending."""
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
    """Encode; JSON can name half a character, which UTF-8 can't."""
    return "".join(lines).encode(errors="backslashreplace")


def compress(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Compress for whoever asked for it."""
    packer: Any = zlib.compressobj(level=6, wbits=GZIP)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()
