"""Settings: read once at start, from the environment or else from ``.env``."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self, TypeVar

from dotenv import dotenv_values
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

T = TypeVar("T")

DEFAULT_DATABASE_URL = "sqlite:///var/audit.db"
DRIVERS = ("sqlite", "postgresql+psycopg", "mysql+pymysql")
A_DATABASE_URL = "sqlite:///PATH, postgresql+psycopg://… or mysql+pymysql://…"


class SettingsError(ValueError):
    """A setting is missing or wrong; its text is one line for whoever starts the service."""


@dataclass(frozen=True)
class ApiKey:
    """A key that may read; ``name`` tells its holder apart in the log."""

    name: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class Settings:
    """Everything the service is told from outside.

    Attributes:
        sdk_apps: SDKAppID → the callback tokens of that app, any one of which may sign;
            no token at all means the app is recognised by its SDKAppID alone.
        database_url: where callbacks are stored.
        database_read_url: where history is read, such as a replica.
        sign_tolerance: largest accepted distance of ``RequestTime`` from now.
        api_keys: who may read; nobody when empty.
        max_body_bytes: largest accepted callback body.
        port: where gunicorn listens on 127.0.0.1.
    """

    sdk_apps: Mapping[str, tuple[str, ...]] = field(repr=False)
    database_url: URL
    database_read_url: URL
    sign_tolerance: timedelta = timedelta(seconds=60)
    api_keys: tuple[ApiKey, ...] = ()
    max_body_bytes: int = 4 * 1024 * 1024
    port: int = 8000

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read every setting; one that is absent or empty takes its default.

        Raises:
            SettingsError: naming the first wrong setting, its value without secrets, and what
                is allowed.
        """
        setting = Environment(environ)
        url = read_database_url(environ)
        return cls(
            sdk_apps=setting.require("SDK_APPS", to_sdk_apps, "sdkappid[:token[:token]][,…]"),
            database_url=url,
            database_read_url=setting.read(
                "DATABASE_READ_URL", url, to_database_url, A_DATABASE_URL
            ),
            sign_tolerance=setting.read(
                "SIGN_TOLERANCE_SECONDS", cls.sign_tolerance, to_seconds, "1 to 86400"
            ),
            api_keys=setting.read("API_KEYS", cls.api_keys, to_api_keys, "name:key[,name:key…]"),
            max_body_bytes=setting.read(
                "MAX_BODY_BYTES", cls.max_body_bytes, whole(1, 2**30), "1 to 1073741824"
            ),
            port=setting.read("PORT", cls.port, whole(1, 65535), "1 to 65535"),
        )


@dataclass(frozen=True)
class Environment:
    """Reads settings by name, and says in one line what is wrong with a value."""

    values: Mapping[str, str]

    def require(self, name: str, parse: Callable[[str], T], allowed: str) -> T:
        """Read a setting that has no default."""
        text = self.values.get(name, "").strip()
        if not text:
            raise SettingsError(f"{name} is not set; set it to {allowed}")
        try:
            return parse(text)
        except (ValueError, ArgumentError):
            message = f"{name}={without_secrets(name, text)!r} is not allowed; set it to {allowed}"
            raise SettingsError(message) from None

    def read(self, name: str, default: T, parse: Callable[[str], T], allowed: str) -> T:
        """Read a setting that may be left out."""
        if not self.values.get(name, "").strip():
            return default
        return self.require(name, parse, allowed)


def read_environment() -> dict[str, str]:
    """Merge ``.env`` of the working directory with the environment, which wins."""
    from_file = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    return from_file | os.environ


def read_database_url(environ: Mapping[str, str]) -> URL:
    """Read ``DATABASE_URL`` alone: all that a migration needs.

    Raises:
        SettingsError: the URL is not one of the three supported databases.
    """
    default = make_url(DEFAULT_DATABASE_URL)
    return Environment(environ).read("DATABASE_URL", default, to_database_url, A_DATABASE_URL)


def to_database_url(text: str) -> URL:
    """Parse the URL of a database that several processes can share."""
    url = make_url(text)
    if url.drivername not in DRIVERS or url.database in (None, "", ":memory:"):
        raise ValueError(text)
    return url


def to_sdk_apps(text: str) -> Mapping[str, tuple[str, ...]]:
    """Parse ``id[:token[:token]],…``; an empty token would switch the check off: refused."""
    apps: dict[str, tuple[str, ...]] = {}
    for item in text.split(","):
        sdk_app_id, *tokens = item.strip().split(":")
        if not re.fullmatch("[0-9]{1,20}", sdk_app_id) or not all(tokens) or sdk_app_id in apps:
            raise ValueError(item)
        apps[sdk_app_id] = tuple(tokens)
    return apps


def to_api_keys(text: str) -> tuple[ApiKey, ...]:
    """Parse ``name:key,…``; a key is visible ASCII, as an HTTP header carries nothing else."""
    keys = []
    for item in text.split(","):
        name, _, key = item.strip().partition(":")
        if not name or not re.fullmatch("[!-~]+", key):
            raise ValueError(item)
        keys.append(ApiKey(name, key))
    return tuple(keys)


def to_seconds(text: str) -> timedelta:
    """Parse a whole number of seconds, at most a day."""
    return timedelta(seconds=whole(1, 86400)(text))


def whole(least: int, most: int) -> Callable[[str], int]:
    """Make a parser of decimal numbers from ``least`` to ``most``, bounds included."""

    def parse(text: str) -> int:
        if not re.fullmatch("[0-9]{1,12}", text) or not least <= int(text) <= most:
            raise ValueError(text)
        return int(text)

    return parse


def without_secrets(name: str, text: str) -> str:
    """Blank tokens, keys and passwords out of a value that is about to be printed."""
    if name == "API_KEYS":
        return re.sub("[^,:]+(?=,|$)|:[^,]*", "…", text)
    if name == "SDK_APPS":
        return re.sub(":[^,]*", ":…", text)
    return re.sub("(?<=//)([^:/@]*):.*@", r"\1:…@", text)
