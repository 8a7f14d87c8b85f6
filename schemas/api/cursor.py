"""The opaque cursor of a page: where one of its neighbours starts, and for which query."""

from typing import Any

from itsdangerous import BadData, URLSafeSerializer
from marshmallow import ValidationError, fields, validate

from schemas.fields import Instant

Position = tuple[Any, ...]  # the values of a row by which a list is sorted

BACKWARD = fields.Boolean()  # whether the neighbour is the page before
ID = fields.Integer(strict=True, validate=validate.Range(0, 2**63 - 1))
STORED = fields.String(validate=validate.Regexp("[^\0\ud800-\udfff]*$"))  # escaped where need be
# What a cursor holds in a list by time, by ID and app, and by the beginning of a name.
BY_TIME = fields.Tuple((BACKWARD, Instant(), ID))
BY_ID = fields.Tuple((BACKWARD, fields.String(), fields.String()))
BY_NAME = fields.Tuple((BACKWARD, STORED, fields.String(), fields.String()))


def encode_cursor(
    position: Position, shape: fields.Tuple, *, scope: str, is_backward: bool = False
) -> str:
    """Write an end of a page as a text that fits in a URL and belongs to one scope.

    A scope is all that must stay the same from page to page: address, filters, order.
    """
    return bound_to(scope).dumps(shape.serialize("", {"": (is_backward, *position)}))


def decode_cursor(text: str, shape: fields.Tuple, *, scope: str) -> tuple[bool, Position]:
    """Return whether a cursor of this scope leads to the page before, and its position.

    Raises:
        ValidationError: the text is no cursor, or one of another scope.
    """
    try:
        is_backward, *position = shape.deserialize(bound_to(scope).loads(text))
    except (BadData, ValueError, ValidationError):  # the second is for a cursor that is not ASCII
        raise ValidationError("Not a cursor of this query.", "cursor") from None
    return is_backward, tuple(position)


def bound_to(scope: str) -> URLSafeSerializer:
    """Return the serializer of the cursors of a scope; its key is not a secret."""
    # In ASCII: an ID may hold a lone surrogate, which UTF-8 cannot.
    ascii_only = {"ensure_ascii": True}
    return URLSafeSerializer("cursor", salt=scope.encode(), serializer_kwargs=ascii_only)
