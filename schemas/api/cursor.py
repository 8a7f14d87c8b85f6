"""The opaque cursor of a page: where the next one starts, and for which query."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, TypeVar

from itsdangerous import BadData, URLSafeSerializer
from marshmallow import ValidationError, fields, validate

from schemas.fields import Instant


class Position(NamedTuple):
    """The last row of a page by time: rows of one instant are told apart by their ID."""

    at: datetime
    id: int


class SubjectPosition(NamedTuple):
    """The last subject of a page by ID."""

    subject_id: str
    sdk_app_id: str


class NamePosition(NamedTuple):
    """The last subject of a page by name, of which only the beginning is used."""

    name_start: str
    subject_id: str
    sdk_app_id: str


AnyPosition = TypeVar("AnyPosition", Position, SubjectPosition, NamePosition)

ID = fields.Integer(strict=True, validate=validate.Range(0, 2**63 - 1))
STORED = fields.String(validate=validate.Regexp("[^\0\ud800-\udfff]*$"))  # escaped where need be
SHAPES: Mapping[type, fields.Tuple] = {
    Position: fields.Tuple((Instant(), ID)),
    SubjectPosition: fields.Tuple((fields.String(), fields.String())),
    NamePosition: fields.Tuple((STORED, fields.String(), fields.String())),
}


def encode_cursor(position: AnyPosition, *, scope: str) -> str:
    """Write the end of a page as a text that fits in a URL and belongs to one scope.

    A scope is all that must stay the same from page to page: address, filters, order.
    """
    return bound_to(scope).dumps(SHAPES[type(position)].serialize("", {"": position}))


def decode_cursor(text: str, kind: type[AnyPosition], *, scope: str) -> AnyPosition:
    """Read a position that ``encode_cursor`` wrote for the same scope.

    Raises:
        ValidationError: the text is no cursor, or one of another scope.
    """
    try:
        return kind(*SHAPES[kind].deserialize(bound_to(scope).loads(text)))
    except (BadData, ValueError, ValidationError):  # the second is for a cursor that is not ASCII
        raise ValidationError("Not a cursor of this query.", "cursor") from None


def bound_to(scope: str) -> URLSafeSerializer:
    """Return the serializer of the cursors of a scope; its key is not a secret."""
    # In ASCII: an ID may hold a lone surrogate, which UTF-8 cannot.
    ascii_only = {"ensure_ascii": True}
    return URLSafeSerializer("cursor", salt=scope.encode(), serializer_kwargs=ascii_only)
