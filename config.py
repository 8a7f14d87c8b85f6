"""Settings of each process: what there is, what is allowed, and the defaults.

Each process reads only what it needs, so each starts without the settings of the others.
"""

import logging
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from difflib import get_close_matches
from io import StringIO
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from dotenv.parser import parse_stream

if TYPE_CHECKING:
    from sqlalchemy import URL

T = TypeVar("T")
Number = TypeVar("Number", int, timedelta)
Environment = Mapping[str, str]
Network = IPv4Network | IPv6Network

QUOTATION_MARKS = ("'", '"')
DATABASE_DRIVERS = ("sqlite", "postgresql+psycopg", "mysql+pymysql")
MIN_KEY_LENGTH = 16  # characters
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
MISSPELT = 0.85  # how alike two names are, from 0 to 1, to be taken for the same

log = logging.getLogger(__name__)


class SettingsError(SystemExit):
    """A setting is missing or wrong; unless caught, the process ends with this one line."""


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One setting.

    Attributes:
        parse: reads the text; raises ValueError if it is not allowed.
        allowed: describes the allowed texts.
        show: blanks secrets out of a text that is about to be printed.
        default: the text in place of one that is absent or empty.
        otherwise: gives the value where there is no text; without it, a text is required.
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


def unquoted(text: str) -> str:
    """Give a text that no quotation mark begins or ends; a container's file of settings keeps them.

    Raises:
        ValueError: one does.
    """
    if text[:1] in QUOTATION_MARKS or text[-1:] in QUOTATION_MARKS:
        raise ValueError(text)
    return text


def to_secret(text: str) -> str:
    """Parse a token or key: what the other end can send too, and is no placeholder.

    Raises:
        ValueError: it is not visible ASCII, or is quoted, or has a variable in it.
    """
    if not re.fullmatch("[!-~]+", unquoted(text)) or "${" in text:
        raise ValueError(text)
    return text


def number(name: str, least: int, most: int, unit: Number, **more: Any) -> Setting[Number]:
    """Make a setting that is a decimal number from ``least`` to ``most``, bounds included."""

    def parse(text: str) -> Number:
        if not re.fullmatch("[0-9]{1,15}", text) or not least <= int(text) <= most:
            raise ValueError(text)
        return int(text) * unit

    return Setting(name, parse, f"{least} to {most}", **more)


def read_file(path: Path) -> dict[str, str | None]:
    """Read a file of settings; one that is not there has none. A variable in it stays as it is.

    Raises:
        SettingsError: it can't be read.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as fault:
        line = fault.object.count(b"\n", 0, fault.start) + 1
        raise unreadable(path, f"line {line} is not UTF-8") from None
    except OSError as fault:
        raise unreadable(path, fault.strerror or str(fault)) from None
    lines = [*parse_stream(StringIO(text))]
    for one in lines:
        if one.error or "\0" in one.original.string:
            raise unreadable(path, f"line {one.original.line} is not NAME=VALUE")
    return {one.key: one.value for one in lines if one.key}


def unreadable(path: Path, reason: str) -> SettingsError:
    """Say why a file of settings can't be read."""
    return SettingsError(f"{path.absolute()} can't be read: {reason}")


@dataclass(frozen=True)
class ApiKey:
    """A key for read access; ``name`` identifies its holder in the log."""

    name: str
    key: str = field(repr=False)


def to_sdk_apps(text: str) -> Mapping[str, tuple[str, ...]]:
    """Parse ``id[:token[:token]],…``; an empty token would switch the check off: refused."""
    apps: dict[str, tuple[str, ...]] = {}
    for item in text.split(","):
        sdk_app_id, *tokens = map(str.strip, item.split(":"))
        if not re.fullmatch("[1-9][0-9]{0,19}", sdk_app_id) or sdk_app_id in apps:
            raise ValueError(item)
        apps[sdk_app_id] = tuple(map(to_secret, tokens))
    for token, times in Counter(one for tokens in apps.values() for one in {*tokens}).items():
        if times > 1:
            sharing = " and ".join(app for app, tokens in apps.items() if token in tokens)
            log.warning("SDK_APPS: %s have one token: one signature is valid for all", sharing)
    return apps


def show_sdk_apps(text: str) -> str:
    """Show no more of each item than its SDKAppID, once there is a token anywhere."""
    return re.sub("([0-9]*)[^,]*", r"\1…", text) if ":" in text else text


def to_api_keys(text: str) -> tuple[ApiKey, ...]:
    """Parse ``name:key,…``; a key is visible ASCII, as an HTTP header carries nothing else.

    Quotation marks around a key are those of a file that something read without taking them off.
    """
    keys = []
    for item in text.split(","):
        name, _, key = item.strip().partition(":")
        quoted = {name[:1], key[:1], key[-1:]} & {'"', "'"}
        if not name or quoted or not re.fullmatch(f"[!-~]{{{MIN_KEY_LENGTH},}}", key):
            raise ValueError(item)
        keys.append(ApiKey(name, key))
    return tuple(keys)


def show_api_keys(text: str) -> str:
    """Show the names only; an item without a name may be a key."""
    return re.sub("[^,:]+(?=,|$)|:[^,]*", "…", text)


def to_database_url(text: str) -> "URL":
    """Parse the URL of a database that several processes can share."""
    # Here, as the receiver has no database and starts faster without SQLAlchemy.
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except ArgumentError as error:
        raise ValueError(text) from error
    if url.drivername not in DATABASE_DRIVERS or url.database in (None, "", ":memory:"):
        raise ValueError(text)
    if url.drivername == "sqlite" and (url.host or "uri" in url.query):
        raise ValueError(text)
    return url


def show_database_url(text: str) -> str:
    """Show neither user nor options: either may hold a password."""
    return re.sub(r"\?.*", "?…", re.sub("//.*@", "//…@", text))


def to_folders(text: str) -> tuple[Path, ...]:
    """Parse ``FOLDER[:FOLDER…]``; one that is named twice is refused."""
    names = [name.strip() for name in text.split(":")]
    folders = tuple(map(Path, names))
    if "" in names or len({*folders}) < len(folders):
        raise ValueError(text)
    return folders


def to_networks(text: str) -> tuple[Network, ...]:
    """Parse ``NETWORK[,NETWORK…]``; a single address is a network of one."""
    return tuple(ip_network(item.strip()) for item in text.split(","))


SDK_APPS = Setting(
    "SDK_APPS",
    to_sdk_apps,
    "sdkappid[:token[:token]][,…], tokens of visible ASCII characters without quotation marks",
    show_sdk_apps,
)
SIGN_TOLERANCE_SECONDS = number("SIGN_TOLERANCE_SECONDS", 1, 86400, SECOND, default="60")
MAX_BODY_BYTES = number("MAX_BODY_BYTES", 1, 2**28, 1, default="4194304")
PORT = number("PORT", 1, 65535, 1, default="8000")
JOURNAL_DIR = Setting(
    "JOURNAL_DIR", to_folders, "FOLDER[:FOLDER…], each once", default="var/journal"
)
JOURNAL_KEEP_HOURS = number("JOURNAL_KEEP_HOURS", 0, 24 * 366, HOUR, default="24")
JOURNAL_KEEP_BYTES = number("JOURNAL_KEEP_BYTES", 0, 2**46, 1, default="1073741824")
DATABASE_URL = Setting(
    "DATABASE_URL",
    to_database_url,
    "sqlite:///PATH, postgresql+psycopg://… or mysql+pymysql://…",
    show_database_url,
    default="sqlite:///var/audit.db",
)
DATABASE_READ_URL = replace(
    DATABASE_URL, name="DATABASE_READ_URL", default="", otherwise=DATABASE_URL.read
)
API_KEYS = Setting(
    "API_KEYS",
    to_api_keys,
    f"name:key[,name:key…], keys of {MIN_KEY_LENGTH} or more visible ASCII characters, not quoted",
    show_api_keys,
    otherwise=lambda _: (),
)
READ_TIMEOUT_SECONDS = number("READ_TIMEOUT_SECONDS", 1, 3600, SECOND, default="10")
READ_PORT = number("READ_PORT", 1, 65535, 1, otherwise=lambda environ: PORT.read(environ) + 1)

TRUSTED_PROXIES = Setting(
    "TRUSTED_PROXIES",
    to_networks,
    "NETWORK[,NETWORK…], such as 127.0.0.1,10.0.0.0/8",
    otherwise=lambda _: (),
)

KNOWN_NAMES = {one.name for one in list(vars().values()) if isinstance(one, Setting)}


def read_environment() -> dict[str, str]:
    """Merge ``.env`` of the working directory with the environment, which wins.

    An empty value counts as unset. A name that looks like a misspelt setting is warned about.

    Raises:
        SettingsError: the file can't be read.
    """
    sources = (read_file(Path(".env")), os.environ)
    given = {name: value for source in sources for name, value in source.items() if value}
    for name in given.keys() - KNOWN_NAMES:
        if meant := get_close_matches(name.upper(), KNOWN_NAMES, 1, MISSPELT):
            log.warning("%s is no setting and has no effect; is %s meant?", name, meant[0])
    return given


def read_with(read: Callable[[Environment], Any], **options: Any) -> Any:
    """Declare a field that is read from the environment; its default is that of an empty one."""
    return field(default_factory=lambda: read({}), metadata={"read": read}, **options)


class Settings:
    """What one process is told from outside."""

    @classmethod
    def from_environment(cls, environ: Environment | None = None) -> Self:
        """Read all fields from the environment, by default that of the process and ``.env``.

        Raises:
            SettingsError: one of them is missing or wrong.
        """
        given = read_environment() if environ is None else environ
        values = {one.name: one.metadata["read"](given) for one in fields(cls)}  # type: ignore[arg-type]
        return cls(**values)


@dataclass(frozen=True)
class JournalSettings(Settings):
    """Where the journal is, and how much of it is kept once it is recorded.

    Attributes:
        folders: in order of preference; the next one is used when one refuses.
        keep: how long recorded segments are kept; zero keeps none.
        keep_bytes: how much of them is kept at most.
    """

    folders: tuple[Path, ...] = read_with(JOURNAL_DIR.read)
    keep: timedelta = read_with(JOURNAL_KEEP_HOURS.read)
    keep_bytes: int = read_with(JOURNAL_KEEP_BYTES.read)


@dataclass(frozen=True)
class ReceiverSettings(Settings):
    """Settings of the receiver.

    Attributes:
        sdk_apps: SDKAppID → the callback tokens of that app, any one of which may sign; an app
            without a token is recognised by its SDKAppID alone.
        sign_tolerance: largest accepted distance of ``RequestTime`` from now.
        trusted_proxies: the networks of the proxies that are believed.
        port: where the receiver listens on 127.0.0.1.
    """

    sdk_apps: Mapping[str, tuple[str, ...]] = read_with(SDK_APPS.read, repr=False)
    journal: JournalSettings = read_with(JournalSettings.from_environment)
    sign_tolerance: timedelta = read_with(SIGN_TOLERANCE_SECONDS.read)
    max_body_bytes: int = read_with(MAX_BODY_BYTES.read)
    trusted_proxies: tuple[Network, ...] = read_with(TRUSTED_PROXIES.read)
    port: int = read_with(PORT.read)


@dataclass(frozen=True)
class RecorderSettings(Settings):
    """Settings of the recorder."""

    database_url: "URL" = read_with(DATABASE_URL.read)
    journal: JournalSettings = read_with(JournalSettings.from_environment)


@dataclass(frozen=True)
class ReaderSettings(Settings):
    """Settings of the reader.

    Attributes:
        database_read_url: where history is read, such as a replica.
        read_timeout: how long the database may work on one statement, exports excepted.
        journal_folders: where the journal's status is looked for.
        trusted_proxies: the networks of the proxies that are believed.
        port: where the reader listens on 127.0.0.1.
    """

    database_read_url: "URL" = read_with(DATABASE_READ_URL.read)
    api_keys: tuple[ApiKey, ...] = read_with(API_KEYS.read)
    read_timeout: timedelta = read_with(READ_TIMEOUT_SECONDS.read)
    journal_folders: tuple[Path, ...] = read_with(JOURNAL_DIR.read)
    trusted_proxies: tuple[Network, ...] = read_with(TRUSTED_PROXIES.read)
    port: int = read_with(READ_PORT.read)
