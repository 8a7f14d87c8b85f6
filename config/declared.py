"""All settings, with their defaults."""

from dataclasses import replace
from datetime import timedelta

import config.texts as texts
from config.keys import MIN_KEY_LENGTH, MOST_OF_A_NAME, show_api_keys, to_api_keys, to_scopes
from config.setting import Setting, choice, number

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)

SDK_APPS = Setting(
    "SDK_APPS",
    texts.to_sdk_apps,
    "sdkappid[:token[:token]][,…], tokens of visible ASCII characters without quotation marks",
    texts.show_sdk_apps,
)
SIGN_TOLERANCE_SECONDS = number("SIGN_TOLERANCE_SECONDS", 1, 86400, SECOND, default="60")
MAX_BODY_BYTES = number("MAX_BODY_BYTES", 1, 2**28, 1, default="4194304")
HOST = Setting(
    "HOST", texts.to_host, "an address of this machine, such as 0.0.0.0", default="127.0.0.1"
)
PORT = number("PORT", 1, 65535, 1, default="8000")
JOURNAL_DIR = Setting(
    "JOURNAL_DIR", texts.to_folders, "FOLDER[:FOLDER…], each once", default="var/journal"
)
READING_JOURNAL_DIR = replace(JOURNAL_DIR, name="READING_JOURNAL_DIR", default="var/readings")
JOURNAL_KEEP_HOURS = number("JOURNAL_KEEP_HOURS", 0, 24 * 366, HOUR, default="24")
JOURNAL_KEEP_BYTES = number("JOURNAL_KEEP_BYTES", 0, 2**46, 1, default="1073741824")
RETENTION_DAYS = number("RETENTION_DAYS", 1, 36500, DAY, otherwise=lambda _: None)
RETENTION_UNHANDLED_DAYS = replace(RETENTION_DAYS, name="RETENTION_UNHANDLED_DAYS")
PARTITION_BY_MONTH = choice("PARTITION_BY_MONTH", {"yes": True, "no": False}, default="no")
UNHANDLED_BODIES = choice("UNHANDLED_BODIES", {"yes": True, "no": False}, default="yes")
DATABASE_URL = Setting(
    "DATABASE_URL",
    texts.to_database_url,
    "sqlite:///PATH, postgresql+psycopg://… or mysql+pymysql://…",
    texts.show_database_url,
    default="sqlite:///var/audit.db",
)
DATABASE_READ_URL = replace(
    DATABASE_URL, name="DATABASE_READ_URL", default="", otherwise=DATABASE_URL.read
)
API_KEYS = Setting(
    "API_KEYS",
    to_api_keys,
    f"name:key or name[scope+scope]:key[,…], keys of {MIN_KEY_LENGTH} or more visible ASCII "
    "characters, not quoted, or sha256=HASH; two of a name at most, and of the same scopes; "
    f"names of up to {MOST_OF_A_NAME} characters",
    show_api_keys,
    otherwise=lambda _: (),
)
READ_TIMEOUT_SECONDS = number("READ_TIMEOUT_SECONDS", 1, 3600, SECOND, default="10")
READ_PORT: Setting[int] = number(
    "READ_PORT",
    1,
    65535,
    1,
    otherwise=lambda environ: READ_PORT.read({READ_PORT.name: str(PORT.read(environ) + 1)}),
)
WEB_CONCURRENCY = number("WEB_CONCURRENCY", 1, 1000, 1, otherwise=lambda _: None)

TRUSTED_PROXIES = Setting(
    "TRUSTED_PROXIES",
    texts.to_networks,
    "NETWORK[,NETWORK…], such as 127.0.0.1,10.0.0.0/8",
    otherwise=lambda _: (),
)

SIGN_IN_HEADER = Setting(
    "SIGN_IN_HEADER", texts.to_header, "a name such as X-Forwarded-Email", otherwise=lambda _: ""
)
SIGN_IN_SCOPES = Setting("SIGN_IN_SCOPES", to_scopes, "such as read+raw", default="read")

LOG_FORMAT = choice("LOG_FORMAT", {"text": "text", "json": "json"}, default="text")

KNOWN_NAMES = {one.name for one in list(vars().values()) if isinstance(one, Setting)}
