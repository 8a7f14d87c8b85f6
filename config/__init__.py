"""The settings of each process: their names, allowed values and defaults.

Each process reads only the settings it needs, so it starts without those of the others.
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
