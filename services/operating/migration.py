"""Bring a database to the newest revision."""

import logging
from threading import Event

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from models.database.connection import describe
from models.database.engine import open_to_migrate
from models.database.revision import PYPROJECT

RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


class MigrationError(Exception):
    """The database can't be migrated; the text is one line for the operator."""


def migrate(url: sa.URL) -> None:
    """Apply the migrations that a database lacks, as ``alembic upgrade head`` does.

    Raises:
        MigrationError: it does not answer, or a migration fails.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config(toml_file=PYPROJECT)
    try:
        engine = open_to_migrate(url)
        try:
            with engine.connect() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        finally:
            engine.dispose()
    except (SQLAlchemyError, CommandError, OSError) as fault:
        raise MigrationError(f"DATABASE_URL can't be migrated: {describe(fault)}") from fault


def migrate_until_done(url: sa.URL, stop: Event) -> None:
    """Migrate a database as soon as that works, unless told to stop."""
    told = ""
    while not stop.is_set():
        try:
            return migrate(url)
        except MigrationError as fault:
            if str(fault) != told:
                log.warning("%s; trying again every second", fault)
            told = str(fault)
        stop.wait(RETRY_SECONDS)
    return None
