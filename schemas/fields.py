"""Field types that marshmallow does not have."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields, validate

from models.types import MAX_ID_LENGTH, fits_id_column

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class DecimalInteger(fields.Integer):
    """A whole number that is not negative, as a JSON integer or as a string of ASCII digits.

    Stricter than ``Integer``, which reads ``1.5``, ``true`` and ``"1_0"`` as numbers too.
    """

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        if isinstance(value, str) and re.fullmatch("[0-9]{1,16}", value):
            return int(value)
        if type(value) is int and 0 <= value < 10**16:
            return value
        raise self.make_error("invalid", input=value)


class Instant(fields.AwareDateTime):
    """An RFC 3339 date-time with its zone; written in UTC with microseconds.

    Args:
        brief: leave microseconds out where they are zero, as in a time given in milliseconds.
    """

    default_error_messages = {  # noqa: RUF012 (marshmallow reads a plain dict)
        "invalid": "Not an RFC 3339 date-time with a zone, such as 2022-12-09T08:26:54Z "
        "(in a URL, write + as %2B)."
    }

    def __init__(self, *, brief: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.brief = brief

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> datetime:
        if not isinstance(value, str) or not RFC_3339.fullmatch(value):
            raise self.make_error("invalid")
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self.make_error("invalid") from error

    def _serialize(
        self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any
    ) -> str | None:
        return None if value is None else format_instant(value, brief=self.brief)


def format_instant(value: datetime, *, brief: bool = False) -> str:
    """Write an instant as RFC 3339 in UTC."""
    milliseconds = brief and value.microsecond % 1000 == 0
    timespec = "milliseconds" if milliseconds else "microseconds"
    return value.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def check_id_length(value: str) -> None:
    """Refuse an ID that its column can't hold; Tencent's own limit is 96 bytes."""
    if not fits_id_column(value):
        raise ValidationError(f"Longer than {MAX_ID_LENGTH} characters.")


def id_field(**kwargs: Any) -> fields.String:
    """Make a field for the ID of a user, group, topic or channel."""
    return fields.String(validate=[validate.Length(min=1), check_id_length], **kwargs)


def account_field(**kwargs: Any) -> fields.String:
    """Make a field for a user ID that Tencent may leave out, empty or null."""
    return fields.String(allow_none=True, validate=check_id_length, **kwargs)


def text_field(data_key: str) -> fields.String:
    """Make a field for a documented text; its length is Tencent's business."""
    return fields.String(allow_none=True, data_key=data_key)


class WrappedAccount(fields.String):
    """A user ID inside an object, as Tencent lists users: ``{"Member_Account": "bob"}``."""

    default_error_messages = {"wrapping": "Not an object with {item_key}."}  # noqa: RUF012

    def __init__(self, item_key: str) -> None:
        super().__init__(validate=check_id_length)
        self.item_key = item_key

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        if not isinstance(value, Mapping) or self.item_key not in value:
            raise self.make_error("wrapping", item_key=self.item_key)
        return super()._deserialize(value[self.item_key], attr, data, **kwargs)


def accounts_field(data_key: str, *, item_key: str) -> fields.List[str]:
    """Make a field for one of Tencent's lists of users; loads as their IDs."""
    return fields.List(WrappedAccount(item_key), allow_none=True, data_key=data_key)


class TextOrTexts(fields.Field[Any]):
    """A string or a list of strings, where Tencent's table and sample disagree."""

    default_error_messages = {"invalid": "Not a string or a list of strings."}  # noqa: RUF012

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        texts = value if isinstance(value, list) else [value]
        if not all(isinstance(text, str) for text in texts):
            raise self.make_error("invalid")
        return value
