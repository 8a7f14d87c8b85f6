"""The commands: ``lifecycle …``."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from io import TextIOWrapper
from itertools import count
from typing import IO, Any

import click
import sqlalchemy as sa
from flask import Blueprint
from marshmallow import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from config import RecorderSettings, SettingsError
from models.database.connection import describe
from models.database.engine import PATIENCE
from schemas.fields import Instant
from services.recording.database import RecorderDatabase


class Time(click.ParamType[datetime]):
    """A time with its zone, like a parameter of the API."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read a time.

        Raises:
            click.BadParameter: it is not one, or has no zone.
        """
        try:
            instant: datetime = Instant().deserialize(value)
        except ValidationError:
            example = "2026-01-31T08:00:00Z or 2026-01-31T16:00:00+08:00"
            self.fail(f"{value!r} is not a time with a zone, such as {example}.", param, ctx)
        return instant


TIME = Time()


class CannotError(click.ClickException):
    """A command cannot do its work; one that did, and found something wrong, exits with 1."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Show the reason in one line."""
        click.echo(f"lifecycle: {self.message}", file=file or sys.stderr)


class Command(click.Command):
    """A command that reports in one line what keeps it from its work."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; refuse an empty text, as from an unset variable.

        Raises:
            click.BadParameter: there is an empty one.
        """
        left = super().parse_args(ctx, args)
        for param in self.params:
            if ctx.params.get(param.name or "") == "":
                raise click.BadParameter("It is empty.", ctx, param)
        return left

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        Raises:
            CannotError: a setting is wrong, the database fails or is not migrated, or a file cannot
                be used. With ``--debug``, the fault itself is raised.
        """
        try:
            outcome = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:  # the reader of the pipe is gone: click exits silently
            raise
        except click.FileError as fault:
            raise CannotError(fault.format_message()) from fault
        except (SettingsError, SQLAlchemyError, OSError) as fault:
            if ctx.find_root().params.get("debug"):
                raise
            is_told = isinstance(fault, SettingsError)
            raise CannotError(str(fault) if is_told else describe(fault)) from fault
        return outcome


bp = Blueprint("commands", __name__, cli_group=None)
bp.cli.command_class = Command


def prepare_streams() -> None:
    """Let a command write any text, and have a closed standard output refuse what is written.

    Python has None in place of a closed stream, over which some of a command's output is lost
    without a word, and some of it ends the command with a traceback. What is written to a closed
    standard error is dropped, and a closed standard input is empty.
    """
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = open(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # half a surrogate pair is in no encoding


@contextmanager
def open_to_write(url: sa.URL | None = None) -> Iterator[RecorderDatabase]:
    """Open a database as a recorder does, by default the recorder's, while a command runs.

    Others may write meanwhile: each transaction waits for its turn for up to ``PATIENCE``.

    Raises:
        NotReadyError: it cannot be written to in its present state.
        sqlalchemy.exc.SQLAlchemyError: it does not answer.
    """
    url = url or RecorderSettings.from_environment().database_url
    with closing(RecorderDatabase(url, lock_wait=PATIENCE)) as database:
        database.is_new()
        yield database


@contextmanager
def progress(label: str) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how much is done of work of unknown length.

    Yields:
        A function to call with how much more is done.
    """
    hidden = not sys.stderr.isatty()
    with click.progressbar(
        count(), label=label, show_pos=True, hidden=hidden, file=sys.stderr
    ) as bar:
        yield bar.update
