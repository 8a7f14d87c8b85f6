"""The settings of each process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from config.declared import (
    API_KEYS,
    DATABASE_READ_URL,
    DATABASE_URL,
    HOST,
    JOURNAL_DIR,
    JOURNAL_KEEP_BYTES,
    JOURNAL_KEEP_HOURS,
    MAX_BODY_BYTES,
    PORT,
    READ_PORT,
    READ_TIMEOUT_SECONDS,
    SDK_APPS,
    SIGN_TOLERANCE_SECONDS,
    TRUSTED_PROXIES,
)
from config.environment import read_environment
from config.setting import Environment
from config.texts import ApiKey, Network

if TYPE_CHECKING:
    from sqlalchemy import URL


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
        host: the address that the receiver listens on, at ``port``.
    """

    sdk_apps: Mapping[str, tuple[str, ...]] = read_with(SDK_APPS.read, repr=False)
    journal: JournalSettings = read_with(JournalSettings.from_environment)
    sign_tolerance: timedelta = read_with(SIGN_TOLERANCE_SECONDS.read)
    max_body_bytes: int = read_with(MAX_BODY_BYTES.read)
    trusted_proxies: tuple[Network, ...] = read_with(TRUSTED_PROXIES.read)
    host: str = read_with(HOST.read)
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
        host: the address that the reader listens on, at ``port``.
        receiver_port: where the receiver listens, to say so.
    """

    database_read_url: "URL" = read_with(DATABASE_READ_URL.read)
    api_keys: tuple[ApiKey, ...] = read_with(API_KEYS.read)
    read_timeout: timedelta = read_with(READ_TIMEOUT_SECONDS.read)
    journal_folders: tuple[Path, ...] = read_with(JOURNAL_DIR.read)
    trusted_proxies: tuple[Network, ...] = read_with(TRUSTED_PROXIES.read)
    host: str = read_with(HOST.read)
    port: int = read_with(READ_PORT.read)
    receiver_port: int = read_with(PORT.read)
