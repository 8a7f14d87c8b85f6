"""Everything that a view of the reader needs besides its request."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from config import ReaderSettings
from models.database.connection import BusyError, NotReadyError, describe
from models.database.engine import open_reader
from services.reading.health import Health, check_database, check_journal, unreachable
from services.reading.readings import Readings
from services.reading.wrong_keys import WrongKeys

EXPORT_CONNECTIONS = 4

T = TypeVar("T")
log = logging.getLogger(__name__)


class Runtime:
    """The parts of a reader; they connect when they are first used.

    Attributes:
        engine: for queries, which are cut off after ``settings.read_timeout``.
        export_engine: for exports, which may take long.
        is_without_database: whether the last read failed; each change is logged.
    """

    def __init__(self, settings: ReaderSettings, now: Callable[[], datetime]) -> None:
        url = settings.database_read_url
        self.settings = settings
        self.now = now
        self.engine = open_reader(url, statement_timeout=settings.read_timeout)
        self.export_engine = open_reader(url, connections=EXPORT_CONNECTIONS)
        self.is_without_database = False
        self.wrong_keys = WrongKeys()
        self.readings = Readings(settings.reading_folders)

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """Connect to read one state of the database.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: it does not answer.
        """
        with self.engine.connect() as connection:
            yield connection
        if self.is_without_database:
            self.is_without_database = False
            log.warning("database available again")

    def note_outage(self, error: SQLAlchemyError) -> None:
        """Note that a read failed."""
        if not self.is_without_database:
            self.is_without_database = True
            log.error("database unavailable: %s", describe(error))

    def look(self, fetch: Callable[[sa.Connection], T]) -> tuple[Health, T | None]:
        """Check the health of the service while reading; fetch nothing if the database fails."""
        database, found = unreachable(self.engine), None

        def read() -> T:
            nonlocal database
            with self.connect() as connection:
                database = check_database(connection)
                return fetch(connection)

        try:
            found = read_again_if_cut(read)
        except SQLAlchemyError as error:
            self.note_outage(error)
            if database.is_ready:
                database = unreachable(self.engine)
        return Health(database, check_journal(self.settings.journal_folders, now=self.now())), found

    def close(self) -> None:
        """Close all idle connections, and the journal."""
        self.readings.close()
        self.engine.dispose()
        self.export_engine.dispose()


def runtime() -> Runtime:
    """Return the parts of the current app."""
    here: Runtime = current_app.extensions["runtime"]
    return here


def read_again_if_cut(read: Callable[[], T]) -> T:
    """Read, and retry once if that was cut off, as by a replica or a restarting server.

    A replica cancels queries that read rows which its primary no longer has.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: it failed for another reason, or twice.
    """
    try:
        return read()
    except BusyError:
        return read()
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        return read()


def is_outage(error: SQLAlchemyError) -> bool:
    """Tell whether the database is at fault, not the query."""
    at_fault = isinstance(error, DBAPIError | sa.exc.TimeoutError | NotReadyError)
    return at_fault and not isinstance(error, DataError | IntegrityError)
