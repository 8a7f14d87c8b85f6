"""The query of ``/channels`` and ``/groups``: filters on what subjects are now, and pages by ID."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from hashlib import blake2b
from typing import Any, Self

from marshmallow import ValidationError, fields, post_load, validate

from schemas.cursor import CursorError
from schemas.page import PagedQuerySchema, page_of
from schemas.subjects import StateSchema

MARK_BYTES = 8


@dataclass(frozen=True)
class SubjectPosition:
    """The last subject that a page looked at.

    Attributes:
        name_start: what the name begins with that it was found by; empty in a list by ID.
    """

    name_start: str
    subject_id: str
    sdk_app_id: str

    def is_passed_by(self, other: Self) -> bool:
        """Tell, of two with one ID, whether this one has had its turn by the time of the other."""
        same = (self.name_start, self.subject_id) == (other.name_start, other.subject_id)
        return same and self.sdk_app_id <= other.sdk_app_id


@dataclass(frozen=True)
class SubjectsQuery:
    """One page of the subjects that pass some filters.

    Attributes:
        filters: by name; only those that were given.
        after: where the page before ended, or none for the first page.
        scope: what a cursor of this query belongs to.
    """

    filters: Mapping[str, str]
    limit: int
    after: SubjectPosition | None
    scope: str

    @property
    def is_by_name(self) -> bool:
        """Whether the list is in order of names; an owner has few enough to look at all."""
        return "name" in self.filters and "owner" not in self.filters


class SubjectsQuerySchema(PagedQuerySchema):
    """Filters of ``/channels`` and ``/groups``; a subject has to pass all that are given."""

    status = fields.String(
        validate=validate.OneOf(["active", "destroyed"]),
        metadata={"description": "Whether it lives."},
    )
    owner = fields.String(metadata={"description": "User ID of its owner."})
    name = fields.String(metadata={"description": "What its name begins with."})
    sdk_app_id = fields.String(metadata={"description": "SDKAppID of the app."})

    @post_load
    def to_query(self, data: dict[str, Any], **_: Any) -> SubjectsQuery:
        """Bind the cursor to everything but the size of the page."""
        limit, cursor = data.pop("limit"), data.pop("cursor", None)
        if data.get("name") == "":  # every name begins with nothing
            del data["name"]
        scope = json.dumps([self.address, data], sort_keys=True)
        try:
            after = None if cursor is None else decode_position(cursor, scope=scope)
        except CursorError as error:
            raise ValidationError(f"Not a cursor of this query: {error}.", "cursor") from None
        return SubjectsQuery(data, limit, after, scope)


class SubjectSearchSchema(SubjectsQuerySchema):
    """What people look for; the name alone, or the beginning of an ID, may be all they know."""

    address = "/search"

    id = fields.String(metadata={"description": "What its ID begins with."})


class ChannelsQuerySchema(SubjectsQuerySchema):
    """Which channels."""

    address = "/channels"


class GroupsQuerySchema(SubjectsQuerySchema):
    """Which groups."""

    address = "/groups"


def encode_position(position: SubjectPosition, *, scope: str) -> str:
    """Write a position so that it fits in a URL and belongs to one scope."""
    text = json.dumps(astuple(position)).encode()
    mark = blake2b(scope.encode() + b"\n" + text, digest_size=MARK_BYTES).digest()
    return urlsafe_b64encode(mark + text).decode()


def decode_position(text: str, *, scope: str) -> SubjectPosition:
    """Read what ``encode_position`` wrote for the same scope.

    Raises:
        CursorError: the text was altered, or belongs to another scope.
    """
    try:
        position = SubjectPosition(*json.loads(urlsafe_b64decode(text)[MARK_BYTES:]))
        same = encode_position(position, scope=scope) == text
    except (ValueError, TypeError, RecursionError):
        raise CursorError("not a cursor") from None
    if not same:
        raise CursorError("altered, or made for other filters")
    return position


SubjectPageSchema = page_of(StateSchema)
