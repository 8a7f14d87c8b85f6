"""What a view of the reader needs beyond its request."""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from flask import current_app

from config import ReaderSettings
from models.database.engine import open_reader

EXPORT_CONNECTIONS = 4


class Runtime:
    """The parts of a reader; nothing connects before it is used.

    Attributes:
        engine: for questions; cut off after ``settings.read_timeout``.
        export_engine: for exports, which may take long.
    """

    def __init__(self, settings: ReaderSettings, now: Callable[[], datetime]) -> None:
        url = settings.database_read_url
        self.settings = settings
        self.now = now
        self.engine = open_reader(url, statement_timeout=settings.read_timeout)
        self.export_engine = open_reader(url, connections=EXPORT_CONNECTIONS)

    def connect(self) -> sa.Connection:
        """Connect to read one state of the database."""
        return self.engine.connect()

    def close(self) -> None:
        """Close all connections that are not in use."""
        self.engine.dispose()
        self.export_engine.dispose()


def runtime() -> Runtime:
    """Return the parts of the current app."""
    here: Runtime = current_app.extensions["runtime"]
    return here
