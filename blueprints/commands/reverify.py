"""``lifecycle reverify``: find refused requests that were authentic after all."""

from datetime import datetime, timedelta

import click

from blueprints.commands import TIME, bp, open_to_write, progress
from config import ReceiverSettings
from models.clock import utc_now
from services.operating.finding import count
from services.operating.reverify import CHUNK, Reverified, reverify, take

MOST_SECONDS = 2**31  # a clock may start in 1970


@bp.cli.command("reverify")
@click.option(
    "--since", type=TIME, required=True, help="Look at requests that arrived at this time or later."
)
@click.option(
    "--clock-ahead",
    type=click.IntRange(-MOST_SECONDS, MOST_SECONDS),
    default=0,
    metavar="SECONDS",
    help="How far this machine's clock was ahead of Tencent's at the time; negative if behind.",
)
@click.option(
    "--shared",
    is_flag=True,
    help="Also move requests that share a signature but not a body, as callbacks of one second do.",
)
@click.option("--dry-run", is_flag=True, help="Only report what would be moved.")
def reverify_requests(*, since: datetime, clock_ahead: int, shared: bool, dry_run: bool) -> None:
    """Move authentic requests from the quarantine into the log.

    Run it after you have corrected a wrong token or clock. A request is authentic if a current
    token signed it. It becomes a delivery that keeps its time of arrival and is marked as
    reverified. A second run moves nothing twice.
    """
    settings = ReceiverSettings.from_environment()
    ahead = timedelta(seconds=clock_ahead)
    with open_to_write() as database:
        found = reverify(database.engine, settings, since=since, ahead=ahead, with_shared=shared)
        ids = [] if dry_run else found.authentic
        with progress("Moving") as advance:
            for start in range(0, len(ids), CHUNK):
                chunk, keep = ids[start : start + CHUNK], settings.unhandled_bodies
                advance(take(database.engine, chunk, unhandled_bodies=keep, now=utc_now()))
    show_outcome(found, verb="would be moved" if dry_run else "moved")


def show_outcome(found: Reverified, *, verb: str) -> None:
    """Print a line for each kind of request."""
    click.echo(f"{count(len(found.authentic), 'request')} {verb} into the log.")
    for (app, _, request_time), ids in found.shared.items():
        click.echo(
            f"Left in the quarantine: {count(len(ids), 'request')} of app {app} that share a "
            f"signature of {request_time} but not a body: {', '.join(map(str, ids))}"
        )
    if found.shared:
        click.echo("Callbacks that Tencent sends in one second share a signature: try --shared")
    if found.cut_off:
        click.echo(f"Left, because their bodies are not stored in full: {found.cut_off}")
    for reason, number in found.left.items():
        click.echo(f"Still refused ({reason}): {number}")
    if found.measured is not None:
        seconds = round(found.measured.total_seconds())
        side = "ahead of" if seconds >= 0 else "behind"
        click.echo(
            f"This clock was {abs(seconds)} s {side} the sender's: try --clock-ahead {seconds}"
        )
