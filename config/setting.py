"""One setting: its name, its allowed values, and its default."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Number = TypeVar("Number", int, timedelta)
Environment = Mapping[str, str]

QUOTATION_MARKS = ("'", '"')


class SettingsError(SystemExit):
    """A setting is missing or wrong; unless caught, the process exits with this one line."""


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One setting.

    Attributes:
        parse: reads the text; raises ValueError if it is not allowed.
        allowed: describes the allowed texts.
        show: removes secrets from a text before it is printed.
        default: the text that replaces an absent or empty one.
        otherwise: returns the value if there is no text; without it, a text is required.
    """

    name: str
    parse: Callable[[str], T]
    allowed: str
    show: Callable[[str], str] = str
    default: str = ""
    otherwise: Callable[[Environment], T] | None = None

    def read(self, environ: Environment) -> T:
        """Return the value.

        Raises:
            SettingsError: it is wrong, or required and absent.
        """
        text = environ.get(self.name, "").strip() or self.default
        if not text and self.otherwise is not None:
            return self.otherwise(environ)
        if not text:
            raise SettingsError(f"{self.name} is not set; set it to {self.allowed}")
        try:
            return self.parse(unquoted(text))
        except ValueError:
            wrong = f"{self.name}={self.show(text)!r} is not allowed"
            raise SettingsError(f"{wrong}; set it to {self.allowed}") from None


def number(name: str, least: int, most: int, unit: Number, **more: Any) -> Setting[Number]:
    """Make a setting for a decimal number from ``least`` to ``most``, inclusive."""

    def parse(text: str) -> Number:
        if not re.fullmatch("[0-9]{1,15}", text) or not least <= int(text) <= most:
            raise ValueError(text)
        return int(text) * unit

    return Setting(name, parse, f"{least} to {most}", **more)


def choice(name: str, values: Mapping[str, T], **more: Any) -> Setting[T]:
    """Make a setting for one of some words, each with its value."""

    def parse(text: str) -> T:
        if text not in values:
            raise ValueError(text)
        return values[text]

    return Setting(name, parse, " or ".join(values), **more)


def unquoted(text: str) -> str:
    """Return a text without quotation marks around it, which a container's env file would keep.

    Raises:
        ValueError: it begins or ends with one.
    """
    if text[:1] in QUOTATION_MARKS or text[-1:] in QUOTATION_MARKS:
        raise ValueError(text)
    return text
