"""The sources of settings: the environment, ``.env``, and files that they name."""

import logging
import os
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream

from config.declared import KNOWN_NAMES
from config.setting import SettingsError

MISSPELT = 0.85  # how similar two names must be, from 0 to 1, for one to be a misspelling

log = logging.getLogger("config")


def read_environment() -> dict[str, str]:
    """Merge ``.env`` of the working directory with the environment, which wins.

    An empty value counts as unset. A name that looks like a misspelt setting is warned about.

    Raises:
        SettingsError: a file cannot be read, or a source gives a setting twice.
    """
    given = read_sources()
    for name in given.keys() - KNOWN_NAMES:
        stem = name.upper().removesuffix("_FILE")
        if meant := get_close_matches(stem, KNOWN_NAMES, 1, MISSPELT):
            warn_of_misspelling(name, meant[0] + name.upper().removeprefix(stem))
    return given


@cache
def warn_of_misspelling(name: str, meant: str) -> None:
    """Log this once, as a process and the workers it forks read the settings several times."""
    log.warning("%s is not a setting and has no effect; did you mean %s?", name, meant)


def read_sources() -> dict[str, str]:
    """Merge both sources without logging, as the log may not be set up yet.

    Raises:
        SettingsError: as ``read_environment``.
    """
    return read_source(read_file(Path(".env"))) | read_source(os.environ)


def read_source(source: Mapping[str, str | None]) -> dict[str, str]:
    """Return what a source sets; ``NAME_FILE`` names a file that holds the text of ``NAME``.

    Raises:
        SettingsError: that file cannot be read, or both are set.
    """
    given = {name: value for name, value in source.items() if value}
    for name in KNOWN_NAMES & {one.removesuffix("_FILE") for one in given if one.endswith("_FILE")}:
        if name in given:
            raise SettingsError(f"{name} and {name}_FILE are both set; set one of them")
        try:
            given[name] = read_text(Path(given.pop(f"{name}_FILE"))).strip()
        except SettingsError as fault:
            raise SettingsError(f"{name}_FILE: {fault}") from None
    return given


def read_file(path: Path) -> dict[str, str | None]:
    """Read a file of settings; a missing file has none. Variables in it are not expanded.

    Raises:
        SettingsError: it can't be read.
    """
    lines = [*parse_stream(StringIO(read_text(path)))] if os.path.lexists(path) else []
    for one in lines:
        if one.error or "\0" in one.original.string:
            raise unreadable(path, f"line {one.original.line} is not NAME=VALUE")
    return {one.key: one.value for one in lines if one.key}


def read_text(path: Path) -> str:
    """Read a UTF-8 text file, as saved by any editor.

    Raises:
        SettingsError: it can't be read.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = fault.object.count(b"\n", 0, fault.start) + 1
        raise unreadable(path, f"line {line} is not UTF-8") from None
    except OSError as fault:
        raise unreadable(path, fault.strerror or str(fault)) from None


def unreadable(path: Path, reason: str) -> SettingsError:
    """Make the error that says why a file of settings cannot be read."""
    return SettingsError(f"{path.absolute()} can't be read: {reason}")
