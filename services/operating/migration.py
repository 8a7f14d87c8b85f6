"""Bring a database to the newest revision."""

import logging
from datetime import timedelta
from threading import Event

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from models.database.connection import NotReadyError
from models.database.engine import LOCK_WAIT, PATIENCE, connect_to_migrate
from models.database.revision import PYPROJECT, fetch_revision

RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


def migrate(url: sa.URL, *, patience: timedelta = PATIENCE) -> str | None:
    """Apply the migrations that a database lacks, as ``alembic upgrade head`` does.

    Return its revision then: that of a newer release, if one has migrated it.

    Args:
        url: one of the three supported databases.
        patience: how long to wait for another migration.

    Raises:
        NotReadyError: it does not answer, or a migration fails.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config(toml_file=PYPROJECT, attributes={"patience": patience})
    with connect_to_migrate(url, patience=patience) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return fetch_revision(connection)


def migrate_until_done(url: sa.URL, stop: Event) -> None:
    """Migrate a database as soon as possible, unless told to stop."""
    told = ""
    while not stop.is_set():
        try:
            migrate(url, patience=LOCK_WAIT)  # so that it stops soon
        except NotReadyError as fault:
            if str(fault) != told:
                log.warning("%s; trying again every second", fault)
            told = str(fault)
        else:
            return
        stop.wait(RETRY_SECONDS)
