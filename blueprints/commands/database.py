"""``lifecycle migrate``, ``backup`` and ``purge``: the database as a whole."""

from pathlib import Path

import click

from blueprints.commands import CannotError, bp, open_to_write, progress
from config import RecorderSettings
from models.clock import utc_now, write_instant
from services.operating.backup import BackupError, back_up
from services.operating.finding import count
from services.operating.migration import migrate
from services.recording.database import RecorderDatabase
from services.recording.retention.purge import NOTHING, Limits, Purge, count_due, find_limits


@bp.cli.command("migrate")
def migrate_database() -> None:
    """Upgrade the database to the newest revision.

    DATABASE_URL names it. Exits with 2 if this fails or the database does not answer.
    """
    revision = migrate(RecorderSettings.from_environment().database_url)
    click.echo(f"The database is at revision {revision}.")


@bp.cli.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def back_up_database(*, file: Path) -> None:
    """Copy the SQLite database to a new FILE while it is used.

    The copy has mode 0600, and is there only once it was found to be whole.
    """
    with progress("Copying") as advance:
        try:
            back_up(RecorderSettings.from_environment().database_url, file, advance)
        except BackupError as fault:
            raise CannotError(str(fault)) from None
    click.echo(f"{file}: {file.stat().st_size} bytes, whole.")


@bp.cli.command("purge")
@click.option("--dry-run", is_flag=True, help="Only report what is too old.")
def purge_requests(*, dry_run: bool) -> None:
    """Delete what is older than RETENTION_DAYS and RETENTION_UNHANDLED_DAYS.

    The recorder does so by itself; this does it at once.
    """
    settings = RecorderSettings.from_environment()
    limits = find_limits(settings, utc_now())
    if limits == NOTHING:
        raise CannotError("neither RETENTION_DAYS nor RETENTION_UNHANDLED_DAYS is set")
    with open_to_write(settings.database_url) as database:
        if dry_run:
            show_due(database, limits)
            return
        purge, purged = Purge(database), 0
        with progress("Purging") as advance:
            while (step := purge.step(limits)).seen:
                purged += step.purged
                advance(step.purged)
    click.echo(f"Purged {count(purged, 'request')}.")


def show_due(database: RecorderDatabase, limits: Limits) -> None:
    """Print a line for each kind of request that is too old."""
    with database.engine.connect() as connection:
        found = count_due(connection, limits)
    for due in found:
        number, span = count(due.requests, "request"), (due.oldest, due.newest)
        click.echo(f"{due.kind}: {number} from {' to '.join(map(write_instant, span))}")
    total = count(sum(due.requests for due in found), "request")
    click.echo(f"{total} would be purged, except what the state of a channel or group rests on.")
