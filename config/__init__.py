"""Settings of each process: what there is, what is allowed, and the defaults.

Each process reads only what it needs, so each starts without the settings of the others.
"""

from config.environment import read_environment
from config.keys import ApiKey, Scope, Scopes
from config.processes import JournalSettings, ReaderSettings, ReceiverSettings, RecorderSettings
from config.setting import SettingsError

__all__ = [
    "ApiKey",
    "JournalSettings",
    "ReaderSettings",
    "ReceiverSettings",
    "RecorderSettings",
    "Scope",
    "Scopes",
    "SettingsError",
    "read_environment",
]
