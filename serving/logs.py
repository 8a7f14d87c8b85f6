"""The format of the log: text, or one JSON object a line (``LOG_FORMAT``)."""

import json
import logging
from datetime import UTC, datetime
from traceback import format_tb

from config.declared import LOG_FORMAT
from config.environment import read_sources
from schemas.redaction import DIGEST, REDACTED

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# What a line is about, if its logger or a filter says so.
SUBJECTS = ("request_id", "delivery_uuid")


class TextFormatter(logging.Formatter):
    """Writes a record of the log as text, without any ``Sign``."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a line, followed by the traceback of a fault."""
        return DIGEST.sub(REDACTED, super().format(record))


class JsonFormatter(logging.Formatter):
    """Writes a record of the log as one line of JSON, without any ``Sign``."""

    def format(self, record: logging.LogRecord) -> str:
        """Write only the members that are known of a record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        line |= {name: value for name in SUBJECTS if (value := getattr(record, name, None))}
        if record.exc_info and record.exc_info[0]:
            kind, _, trace = record.exc_info
            # Within a request, the message of a fault may quote received data.
            line["exception"] = (
                f"{''.join(format_tb(trace))}{kind.__name__}"
                if "request_id" in line
                else self.formatException(record.exc_info)
            )
        return DIGEST.sub(REDACTED, json.dumps(line))


def is_json() -> bool:
    """Tell whether the log is JSON.

    Raises:
        config.SettingsError: ``LOG_FORMAT`` is wrong, or cannot be read.
    """
    return LOG_FORMAT.read(read_sources()) == "json"


def make_handler() -> logging.Handler:
    """Make the handler that writes the log to standard error.

    Raises:
        config.SettingsError: as ``is_json``.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if is_json() else TextFormatter(TEXT))
    return handler
