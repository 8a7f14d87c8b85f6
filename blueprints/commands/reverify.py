"""``flask --app wsgi reverify``: refused requests that were authentic after all."""

from contextlib import closing
from datetime import datetime, timedelta

import click

from blueprints.commands import INSTANT, bp, progress
from config import ReceiverSettings, RecorderSettings
from models.clock import utc_now
from services.operating.finding import count
from services.operating.reverify import CHUNK, Reverified, reverify, take
from services.recording.database import RecorderDatabase


@bp.cli.command("reverify")
@click.option("--since", type=click.DateTime(INSTANT), required=True, help="Of their arrival.")
@click.option(
    "--clock-ahead",
    type=float,
    default=0.0,
    metavar="SECONDS",
    help="How far this machine's clock was ahead of Tencent's then; below 0 if it was behind.",
)
@click.option("--dry-run", is_flag=True, help="Take nothing; report what would be taken.")
def reverify_requests(*, since: datetime, clock_ahead: float, dry_run: bool) -> None:
    """Take requests out of the quarantine that are signed by a present token.

    Run it once a wrong token or clock was put right. Each request becomes a delivery, marked as
    such, with the time of its arrival. A second run takes nothing twice.
    """
    settings, url = ReceiverSettings.from_environment(), RecorderSettings.from_environment()
    ahead = timedelta(seconds=clock_ahead)
    with closing(RecorderDatabase(url.database_url)) as database:
        database.is_new()
        found = reverify(database.engine, settings, since=since, ahead=ahead)
        ids = [] if dry_run else found.authentic
        with progress("Taking") as advance:
            for start in range(0, len(ids), CHUNK):
                advance(take(database.engine, ids[start : start + CHUNK], now=utc_now()))
    show_outcome(found, verb="would be taken" if dry_run else "taken")


def show_outcome(found: Reverified, *, verb: str) -> None:
    """Write a line for each kind of request."""
    click.echo(f"{count(len(found.authentic), 'request')} {verb} into the log.")
    for (app, _, request_time), ids in found.shared.items():
        click.echo(
            f"Left in the quarantine: {count(len(ids), 'request')} of app {app} with one signature "
            f"of {request_time} and several bodies: {', '.join(map(str, ids))}"
        )
    if found.cut_off:
        click.echo(f"Left, as their bodies are not stored whole: {found.cut_off}")
    for reason, number in found.left.items():
        click.echo(f"Refused again, {reason}: {number}")
    if found.measured is not None:
        seconds = round(found.measured.total_seconds())
        click.echo(f"Their clock says that this one was {seconds} s ahead: --clock-ahead {seconds}")
