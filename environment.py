"""Read the environment, and say in one line what is wrong with a value."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from dotenv import dotenv_values

T = TypeVar("T")


class SettingsError(ValueError):
    """A setting is missing or wrong; its text is one line for whoever starts the service."""


def read_environment() -> dict[str, str]:
    """Merge ``.env`` of the working directory with the environment, which wins."""
    from_file = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    return from_file | os.environ


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One setting.

    Attributes:
        parse: reads its text; raises ValueError if it is not allowed.
        allowed: says what is, to whoever wrote something else.
        show: blanks secrets out of a text that is about to be printed.
    """

    name: str
    parse: Callable[[str], T]
    allowed: str
    show: Callable[[str], str] = str

    def require(self, environ: Mapping[str, str]) -> T:
        """Read a setting that has no default.

        Raises:
            SettingsError: it is absent, empty or wrong.
        """
        text = environ.get(self.name, "").strip()
        if not text:
            raise SettingsError(f"{self.name} is not set; set it to {self.allowed}")
        try:
            return self.parse(text)
        except ValueError:
            wrong = f"{self.name}={self.show(text)!r} is not allowed"
            raise SettingsError(f"{wrong}; set it to {self.allowed}") from None

    def read(self, environ: Mapping[str, str], default: T) -> T:
        """Read a setting that may be absent or empty.

        Raises:
            SettingsError: it is wrong.
        """
        return self.require(environ) if environ.get(self.name, "").strip() else default


def whole_number(name: str, least: int, most: int) -> Setting[int]:
    """Make a setting that is a decimal number from ``least`` to ``most``, bounds included."""

    def parse(text: str) -> int:
        if not re.fullmatch("[0-9]{1,12}", text) or not least <= int(text) <= most:
            raise ValueError(text)
        return int(text)

    return Setting(name, parse, f"{least} to {most}")
