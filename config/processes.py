"""The settings of each process."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import config.declared as declared
from config.environment import read_environment
from config.keys import ApiKey, Scopes
from config.setting import Environment, SettingsError
from config.texts import Network

if TYPE_CHECKING:
    from sqlalchemy import URL

log = logging.getLogger("config")


def read_with(read: Callable[[Environment], Any], **options: Any) -> Any:
    """Declare a field that is read from the environment; by default from an empty one."""
    return field(default_factory=lambda: read({}), metadata={"read": read}, **options)


def read_sign_in_header(environ: Environment) -> str:
    """Read the header that is believed from trusted proxies.

    Raises:
        SettingsError: there are no trusted proxies, or it is wrong.
    """
    header = declared.SIGN_IN_HEADER.read(environ)
    if header and not declared.TRUSTED_PROXIES.read(environ):
        raise SettingsError(
            "SIGN_IN_HEADER is believed from TRUSTED_PROXIES only; set them as well"
        )
    return header


def read_reading_folders(environ: Environment) -> tuple[Path, ...]:
    """Read the folders of the journal of readings, which differ from those of callbacks.

    Raises:
        SettingsError: both journals share a folder, or it is wrong.
    """
    folders = declared.READING_JOURNAL_DIR.read(environ)
    if shared := {*map(realpath, folders)} & {*map(realpath, declared.JOURNAL_DIR.read(environ))}:
        raise SettingsError(f"JOURNAL_DIR and READING_JOURNAL_DIR share {shared.pop()}")
    return folders


def read_by_month(environ: Environment) -> bool:
    """Read whether months are partitions, which only retention drops.

    Raises:
        SettingsError: there is no retention, or another database than PostgreSQL; or it is wrong.
    """
    by_month = declared.PARTITION_BY_MONTH.read(environ)
    is_postgresql = declared.DATABASE_URL.read(environ).get_backend_name() == "postgresql"
    if by_month and not (is_postgresql and declared.RETENTION_DAYS.read(environ)):
        raise SettingsError("PARTITION_BY_MONTH needs PostgreSQL and RETENTION_DAYS; set them")
    return by_month


class Settings:
    """The settings of one process.

    Attributes:
        in_use: those of a server, which its workers inherit; none elsewhere.
    """

    in_use: ClassVar[Any] = None

    @classmethod
    def of_server(cls) -> Self:
        """Read the settings of a server; if a reload finds one wrong, keep those in use.

        Raises:
            SettingsError: one of them is missing or wrong at the start.
        """
        try:
            cls.in_use = cls.from_environment()
        except SettingsError as fault:
            if cls.in_use is None:
                raise
            log.warning("settings are not reloaded: %s", fault)
        found: Self = cls.in_use
        return found

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
    """The location of the journal, and how much of it is kept once it is recorded.

    Attributes:
        folders: in order of preference; if one refuses, the next one is used.
        keep: how long recorded segments are kept; zero keeps none.
        keep_bytes: the largest size of kept segments in each folder.
    """

    folders: tuple[Path, ...] = read_with(declared.JOURNAL_DIR.read)
    keep: timedelta = read_with(declared.JOURNAL_KEEP_HOURS.read)
    keep_bytes: int = read_with(declared.JOURNAL_KEEP_BYTES.read)


@dataclass(frozen=True)
class ReceiverSettings(Settings):
    """Settings of the receiver.

    Attributes:
        sdk_apps: SDKAppID → the callback tokens of that app, any of which may sign; an app without
            a token is recognised by its SDKAppID alone.
        sign_tolerance: largest accepted distance of ``RequestTime`` from now.
        unhandled_bodies: whether the content of an unhandled callback is kept.
        workers: how many processes receive; none means one per core.
    """

    sdk_apps: Mapping[str, tuple[str, ...]] = read_with(declared.SDK_APPS.read, repr=False)
    journal: JournalSettings = read_with(JournalSettings.from_environment)
    sign_tolerance: timedelta = read_with(declared.SIGN_TOLERANCE_SECONDS.read)
    max_body_bytes: int = read_with(declared.MAX_BODY_BYTES.read)
    unhandled_bodies: bool = read_with(declared.UNHANDLED_BODIES.read)
    trusted_proxies: tuple[Network, ...] = read_with(declared.TRUSTED_PROXIES.read)
    host: str = read_with(declared.HOST.read)
    port: int = read_with(declared.PORT.read)
    workers: int | None = read_with(declared.WEB_CONCURRENCY.read)


@dataclass(frozen=True)
class RecorderSettings(Settings):
    """Settings of the recorder.

    Attributes:
        retention: how long deliveries are kept; none keeps them permanently.
        unhandled_retention: how long unhandled ones are kept, if shorter.
        by_month: whether months become partitions.
        reading_folders: of the journal of readings, which is kept like the other one.
    """

    database_url: "URL" = read_with(declared.DATABASE_URL.read)
    journal: JournalSettings = read_with(JournalSettings.from_environment)
    retention: timedelta | None = read_with(declared.RETENTION_DAYS.read)
    unhandled_retention: timedelta | None = read_with(declared.RETENTION_UNHANDLED_DAYS.read)
    by_month: bool = read_with(read_by_month)
    reading_folders: tuple[Path, ...] = read_with(read_reading_folders)


@dataclass(frozen=True)
class ReaderSettings(Settings):
    """Settings of the reader.

    Attributes:
        database_read_url: where history is read from, such as a replica.
        read_timeout: how long the database may work on one statement, except for exports.
        journal_folders: where to look for the status of the journal.
        reading_folders: of the journal of readings, which the reader appends to.
        sign_in_header: in which trusted proxies name a user that they have signed in; empty if they
            do not.
        sign_in_scopes: what such a user may read.
        receiver_port: the port of the receiver, to show it.
        workers: how many processes read; none means the default of the server.
    """

    database_read_url: "URL" = read_with(declared.DATABASE_READ_URL.read)
    api_keys: tuple[ApiKey, ...] = read_with(declared.API_KEYS.read)
    read_timeout: timedelta = read_with(declared.READ_TIMEOUT_SECONDS.read)
    journal_folders: tuple[Path, ...] = read_with(declared.JOURNAL_DIR.read)
    reading_folders: tuple[Path, ...] = read_with(read_reading_folders)
    trusted_proxies: tuple[Network, ...] = read_with(declared.TRUSTED_PROXIES.read)
    sign_in_header: str = read_with(read_sign_in_header)
    sign_in_scopes: Scopes = read_with(declared.SIGN_IN_SCOPES.read)
    host: str = read_with(declared.HOST.read)
    port: int = read_with(declared.READ_PORT.read)
    receiver_port: int = read_with(declared.PORT.read)
    workers: int | None = read_with(declared.WEB_CONCURRENCY.read)
