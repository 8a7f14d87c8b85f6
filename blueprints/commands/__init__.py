"""The commands: ``flask --app wsgi …``."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from typing import Any

import click
import sqlalchemy as sa
from flask import Blueprint
from marshmallow import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from config import ReaderSettings, SettingsError
from models.database.connection import describe
from models.database.engine import open_reader
from schemas.fields import Instant
from services.operating.migration import MigrationError
from services.recording.database import NotReadyError


class Time(click.ParamType[datetime]):
    """A time with its zone, as in a parameter of the API."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read a time."""
        try:
            instant: datetime = Instant().deserialize(value)
        except ValidationError:
            example = "2026-01-31T08:00:00Z or 2026-01-31T16:00:00+08:00"
            self.fail(f"{value!r} is not a time with a zone, such as {example}.", param, ctx)
        return instant


TIME = Time()


class Command(click.Command):
    """A command that says in one line what keeps it from its work."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        Raises:
            click.ClickException: a setting is wrong, the database fails or is not migrated, or a
                file can't be used.
        """
        try:
            return super().invoke(ctx)
        except (SettingsError, MigrationError, NotReadyError) as fault:
            raise click.ClickException(str(fault)) from fault
        except (SQLAlchemyError, OSError) as fault:
            raise click.ClickException(describe(fault)) from fault


bp = Blueprint("commands", __name__, cli_group=None)
bp.cli.command_class = Command


@contextmanager
def open_to_read(url: sa.URL) -> Iterator[sa.Engine]:
    """Open a database that is only read, for as long as a command takes."""
    engine = open_reader(url, connections=1)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def connect_to_read() -> Iterator[sa.Connection]:
    """Connect to the reader's database, for as long as a command takes."""
    url = ReaderSettings.from_environment().database_read_url
    with open_to_read(url) as engine, engine.connect() as connection:
        yield connection


@contextmanager
def progress(label: str) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how much is done, of work whose length is not known.

    Yields:
        A function that is told how much more is done.
    """
    hidden = not sys.stderr.isatty()
    with click.progressbar(
        count(), label=label, show_pos=True, hidden=hidden, file=sys.stderr
    ) as bar:
        yield bar.update
