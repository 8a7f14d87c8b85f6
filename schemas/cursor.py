"""The opaque cursor of a page: where the next one starts, and for which query."""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b

from schemas.fields import EPOCH

MICROSECOND = timedelta(microseconds=1)
PACKED = struct.Struct(">qq8s")


class CursorError(ValueError):
    """The text is no cursor, or one of another query."""


@dataclass(frozen=True)
class Position:
    """The last row of a page: rows of one instant are told apart by their ID."""

    at: datetime
    id: int


def encode_cursor(position: Position, *, scope: str) -> str:
    """Write a position so that it fits in a URL and belongs to one scope.

    Args:
        position: the last row of the page.
        scope: all that must stay the same from page to page: address, filters, order.
    """
    microseconds = (position.at - EPOCH) // MICROSECOND
    mark = blake2b(f"{scope}\n{microseconds}\n{position.id}".encode(), digest_size=8).digest()
    return urlsafe_b64encode(PACKED.pack(microseconds, position.id, mark)).decode()


def decode_cursor(text: str, *, scope: str) -> Position:
    """Read what ``encode_cursor`` wrote for the same scope.

    Raises:
        CursorError: the text was altered, or belongs to another scope.
    """
    try:
        microseconds, row_id, _ = PACKED.unpack(urlsafe_b64decode(text))
        position = Position(EPOCH + microseconds * MICROSECOND, row_id)
    except (ValueError, OverflowError, Base64Error, struct.error):
        raise CursorError("not a cursor") from None
    if encode_cursor(position, scope=scope) != text:
        raise CursorError("altered, or made for other filters")
    return position
