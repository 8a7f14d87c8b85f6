"""Field types that marshmallow lacks."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from marshmallow import fields, validate

MOST_CHARACTERS = 4096  # of a text parameter
# Python accepts further forms of hours and minutes, which differ between its releases.
HOUR_AND_MINUTE = r"([01]\d|2[0-3]):[0-5]\d"
RFC_3339 = re.compile(
    rf"\d{{4}}-\d\d-\d\d[Tt ]{HOUR_AND_MINUTE}:\d\d(\.\d+)?([Zz]|[+-]{HOUR_AND_MINUTE})", re.ASCII
)


class DecimalInteger(fields.Integer):
    """A non-negative whole number, as a JSON integer or a string of ASCII digits.

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

    A ``brief`` one leaves out microseconds if they are zero, as in a time given in milliseconds.
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
        is_leap = value[17:19] == "60"  # a leap second: it ends a month of UTC
        text = f"{value[:17]}59{value[19:]}" if is_leap else value
        try:
            instant = datetime.fromisoformat(text.upper()).astimezone(UTC)
            instant += timedelta(seconds=is_leap)
        except (ValueError, OverflowError) as error:
            raise self.make_error("invalid") from error
        if is_leap and (instant.day, instant.hour, instant.minute) != (1, 0, 0):
            raise self.make_error("invalid")
        return instant

    def _serialize(
        self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any
    ) -> str | None:
        if value is None:
            return None
        milliseconds = self.brief and value.microsecond % 1000 == 0
        timespec = "milliseconds" if milliseconds else "microseconds"
        in_utc = value if value.tzinfo is UTC else value.astimezone(UTC)
        return f"{in_utc.isoformat(timespec=timespec).removesuffix('+00:00')}Z"


def text_filter(description: str) -> fields.String:
    """Make a filter by a text; refuse an empty one, as from an unset variable."""
    fits = validate.Length(min=1, max=MOST_CHARACTERS)
    return fields.String(validate=fits, metadata=about(description))


def app_filter(description: str = "SDKAppID of the app.") -> fields.String:
    """Make a filter by an SDKAppID."""
    digits = validate.Regexp(r"[0-9]{1,20}\Z", error="Must be a number.")
    in_openapi = {"pattern": "^[0-9]{1,20}$"}  # in JavaScript, $ is only the end
    return fields.String(validate=digits, metadata=about(description) | in_openapi)


def word_field(vocabulary: type[StrEnum]) -> fields.String:
    """Make a field that shows a word of a closed vocabulary, or one of a newer release."""
    words = validate.OneOf([member.value for member in vocabulary])
    return fields.String(validate=words)


def about(description: str) -> dict[str, str]:
    """Return the ``metadata`` of a field that describes it in OpenAPI."""
    return {"description": description}
