"""Settings of each process: what there is, what is allowed, and the defaults.

Each process reads only what it needs, so each starts without the settings of the others.
"""

from config.declared import (
    DATABASE_URL,
    HOST,
    KNOWN_NAMES,
    LOG_FORMAT,
    MAX_BODY_BYTES,
    PORT,
    READ_PORT,
    SDK_APPS,
)
from config.environment import read_environment, read_sources
from config.processes import JournalSettings, ReaderSettings, ReceiverSettings, RecorderSettings
from config.setting import SettingsError
from config.texts import ApiKey

__all__ = [
    "DATABASE_URL",
    "HOST",
    "KNOWN_NAMES",
    "LOG_FORMAT",
    "MAX_BODY_BYTES",
    "PORT",
    "READ_PORT",
    "SDK_APPS",
    "ApiKey",
    "JournalSettings",
    "ReaderSettings",
    "ReceiverSettings",
    "RecorderSettings",
    "SettingsError",
    "read_environment",
    "read_sources",
]
