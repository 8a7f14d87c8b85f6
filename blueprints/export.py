"""The whole history, or what passes a filter, as one file."""

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from flask import Blueprint, Response, request

from blueprints.access import require_api_key
from blueprints.operation import Operation
from blueprints.runtime import runtime
from schemas.export import CONTENT_TYPES, WRITERS, ExportQuerySchema
from schemas.history import EventSchema
from schemas.page import PageQuery
from services.history import stream_history

PIECE_CHARACTERS = 64 * 1024
GZIP = 16 + zlib.MAX_WBITS

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
    events = stream_history(runtime().database, query)
    pieces = encode(WRITERS[chosen](events))
    pieces = chain([next(pieces)], pieces)  # what fails at once is still answered as a failure
    response = Response(content_type=CONTENT_TYPES[chosen])
    if request.accept_encodings.quality("gzip") > 0:
        response.content_encoding = "gzip"
        pieces = compress(pieces)
    response.response = pieces if request.method == "GET" else ()
    response.vary.add("Accept-Encoding")
    response.headers["Content-Disposition"] = f"attachment; filename=history.{chosen.value}"
    return response


export_history.operation = Operation(  # type: ignore[attr-defined]
    ExportQuerySchema(), EventSchema(), tuple(CONTENT_TYPES.values())
)


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
