"""Settings of the service: what there is, what is allowed, and what is taken by default."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Self

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from environment import Setting, whole_number

MILLISECOND = timedelta(milliseconds=1)
DRIVERS = ("sqlite", "postgresql+psycopg", "mysql+pymysql")
A_DATABASE_URL = "sqlite:///PATH, postgresql+psycopg://… or mysql+pymysql://…"


@dataclass(frozen=True)
class ApiKey:
    """A key that may read; ``name`` tells its holder apart in the log."""

    name: str
    key: str = field(repr=False)


def to_sdk_apps(text: str) -> Mapping[str, tuple[str, ...]]:
    """Parse ``id[:token[:token]],…``; an empty token would switch the check off: refused."""
    apps: dict[str, tuple[str, ...]] = {}
    for item in text.split(","):
        sdk_app_id, *tokens = map(str.strip, item.split(":"))
        if not re.fullmatch("[0-9]{1,20}", sdk_app_id) or sdk_app_id in apps:
            raise ValueError(item)
        if not all(re.fullmatch(r"\S+", token) for token in tokens):
            raise ValueError(item)
        apps[sdk_app_id] = tuple(tokens)
    return apps


def show_sdk_apps(text: str) -> str:
    """Show no more of each item than its SDKAppID, once there is a token anywhere."""
    return re.sub("([0-9]*)[^,]*", r"\1…", text) if ":" in text else text


def to_api_keys(text: str) -> tuple[ApiKey, ...]:
    """Parse ``name:key,…``; a key is visible ASCII, as an HTTP header carries nothing else."""
    keys = []
    for item in text.split(","):
        name, _, key = item.strip().partition(":")
        if not name or not re.fullmatch("[!-~]+", key):
            raise ValueError(item)
        keys.append(ApiKey(name, key))
    return tuple(keys)


def show_api_keys(text: str) -> str:
    """Show the names only; what has none may be a key."""
    return re.sub("[^,:]+(?=,|$)|:[^,]*", "…", text)


def to_database_url(text: str) -> URL:
    """Parse the URL of a database that several processes can share."""
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise ValueError(text) from error
    if url.drivername not in DRIVERS or url.database in (None, "", ":memory:"):
        raise ValueError(text)
    return url


def show_database_url(text: str) -> str:
    """Show neither who logs in nor the options: either may hold a password."""
    return re.sub(r"\?.*", "?…", re.sub("//.*@", "//…@", text))


SDK_APPS = Setting("SDK_APPS", to_sdk_apps, "sdkappid[:token[:token]][,…]", show_sdk_apps)
API_KEYS = Setting("API_KEYS", to_api_keys, "name:key[,name:key…] in visible ASCII", show_api_keys)
DATABASE_URL = Setting("DATABASE_URL", to_database_url, A_DATABASE_URL, show_database_url)
DATABASE_READ_URL = Setting("DATABASE_READ_URL", to_database_url, A_DATABASE_URL, show_database_url)
SIGN_TOLERANCE_SECONDS = whole_number("SIGN_TOLERANCE_SECONDS", 1, 86400)
SPOOL_DIR = Setting("SPOOL_DIR", Path, "a folder")
DATABASE_DEADLINE_MS = whole_number("DATABASE_DEADLINE_MS", 1, 10_000)
MAX_BODY_BYTES = whole_number("MAX_BODY_BYTES", 1, 2**30)
PORT = whole_number("PORT", 1, 65535)


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
        spool_dir: where accepted callbacks wait while the database can't take them.
        database_deadline: how long a callback waits for the database.
        max_body_bytes: largest accepted callback body.
        port: where gunicorn listens on 127.0.0.1.
    """

    sdk_apps: Mapping[str, tuple[str, ...]] = field(repr=False)
    database_url: URL
    database_read_url: URL
    sign_tolerance: timedelta = timedelta(seconds=60)
    api_keys: tuple[ApiKey, ...] = ()
    spool_dir: Path = Path("var/spool")
    database_deadline: timedelta = timedelta(milliseconds=600)
    max_body_bytes: int = 4 * 1024 * 1024
    port: int = 8000

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read every setting; one that is absent or empty takes its default.

        Raises:
            SettingsError: naming the first wrong setting, its value without secrets, and what
                is allowed.
        """
        sdk_apps = SDK_APPS.require(environ)
        database_url = read_database_url(environ)
        tolerance = SIGN_TOLERANCE_SECONDS.read(environ, cls.sign_tolerance.seconds)
        deadline = DATABASE_DEADLINE_MS.read(environ, cls.database_deadline // MILLISECOND)
        return cls(
            sdk_apps=sdk_apps,
            database_url=database_url,
            database_read_url=DATABASE_READ_URL.read(environ, database_url),
            sign_tolerance=timedelta(seconds=tolerance),
            api_keys=API_KEYS.read(environ, cls.api_keys),
            spool_dir=SPOOL_DIR.read(environ, cls.spool_dir),
            database_deadline=deadline * MILLISECOND,
            max_body_bytes=MAX_BODY_BYTES.read(environ, cls.max_body_bytes),
            port=PORT.read(environ, cls.port),
        )


def read_database_url(environ: Mapping[str, str]) -> URL:
    """Read ``DATABASE_URL`` alone: all that a migration needs.

    Raises:
        SettingsError: it is not one of the supported databases.
    """
    return DATABASE_URL.read(environ, make_url("sqlite:///var/audit.db"))
