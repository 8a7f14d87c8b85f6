"""``lifecycle import``: callbacks from another database."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from blueprints.commands import CannotError, bp, open_to_write, progress
from config import read_environment
from config.declared import DATABASE_URL, UNHANDLED_BODIES
from models.clock import utc_now
from models.database.engine import connect_to_read
from services.importing.importer import Importer
from services.importing.rows import RowReader
from services.importing.sources import IncompleteError, check_trailer, fetch_rows, read_lines
from services.operating.finding import count
from services.recording.following.follow import follow_all

SOURCE = replace(DATABASE_URL, name="--from-sql")


class Zone(click.ParamType[ZoneInfo]):
    """A time zone by its name."""

    name = "zone"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> ZoneInfo:
        """Read a zone.

        Raises:
            click.BadParameter: it is not one.
        """
        try:
            return ZoneInfo(value)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            self.fail(f"{value!r} is not a time zone, such as Asia/Shanghai or UTC.", param, ctx)


@bp.cli.command("import")
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--incomplete", is_flag=True, help="Take a file that breaks off.")
@click.option(SOURCE.name, "url", metavar="URL", help="Read a database instead of a file.")
@click.option("--query", metavar="SQL", help="What to read of it.")
@click.option("--zone", type=Zone(), help="Of times in it that name none.")
@click.option("--dry-run", is_flag=True, help="Only count what would be imported.")
def import_deliveries(
    *,
    file: BinaryIO | None,
    incomplete: bool,
    url: str | None,
    query: str | None,
    zone: ZoneInfo | None,
    dry_run: bool,
) -> None:
    """Import callbacks that another database had.

    FILE is what `export --deliveries` has written; - is the standard input. A query of any other
    database must name the columns received_at and body, and sdk_app_id or query_string; it may
    name uuid and peer.

    Each callback keeps its time of arrival, is marked as imported, and is stored once, however
    often it is imported. A recorder may run meanwhile. Exits with 1 if some can't be imported.
    """
    if (file is None) == (url is None) or (url is None) != (query is None):
        raise click.UsageError("Name a file, or a database with --from-sql and --query.")
    with (
        open_to_write() as database,
        open_source(file, url, query, incomplete=incomplete) as source,
    ):
        importer = Importer(database, utc_now(), show_fault, is_dry_run=dry_run)
        unhandled_bodies = UNHANDLED_BODIES.read(read_environment())
        reader = RowReader(importer.now, zone, unhandled_bodies)
        read: Any = reader.read_line if file else reader.read_row
        with progress("Importing") as advance:
            for number in importer.take(source, read):
                advance(number)
        if not dry_run:
            follow_all(database)
    show_outcome(importer, incomplete=incomplete)


@contextmanager
def open_source(
    file: BinaryIO | None, url: str | None, query: str | None, *, incomplete: bool
) -> Iterator[Iterable[tuple[int, Any]]]:
    """Open the source that the command names: a file, or a database that is only read.

    Raises:
        CannotError: the file is incomplete, and that is not allowed.
    """
    if file is None:
        with connect_to_read(SOURCE.read({SOURCE.name: url or ""})) as connection:
            yield fetch_rows(connection, query or "")
        return
    if not incomplete:
        try:
            check_trailer(file)
        except IncompleteError as fault:
            raise CannotError(f"the file is not complete: {fault}") from None
    yield read_lines(file)


def show_fault(place: int, reason: str) -> None:
    """Print which line or row cannot be imported."""
    click.echo(f"{place}: {reason}", err=True)


def show_outcome(importer: Importer, *, incomplete: bool) -> None:
    """Print what was imported.

    Raises:
        click.ClickException: some of it was not.
    """
    verdicts = ", ".join(f"{number} {verdict}" for verdict, number in importer.verdicts.items())
    verb = "would be imported" if importer.is_dry_run else "imported"
    done = count(importer.verdicts.total(), "delivery")
    click.echo(
        f"{done} {verb}{verdicts and f' ({verdicts})'}, {importer.known} stored before or too old."
    )
    if importer.broken and not incomplete:
        raise click.ClickException(f"the file is not complete: {importer.broken}")
    if left := importer.unreadable + importer.rejected:
        raise click.ClickException(f"{count(left, 'row')} not imported")
