"""``flask --app wsgi replay``: events from deliveries that had none."""

from contextlib import closing

import click

from blueprints.commands import bp, progress
from config import RecorderSettings
from services.operating.finding import count
from services.operating.replay import Replayed, replay
from services.recording.database import RecorderDatabase


@bp.cli.command("replay")
@click.option("--dry-run", is_flag=True, help="Only report what would be added.")
def replay_deliveries(*, dry_run: bool) -> None:
    """Read deliveries without an event again.

    An unhandled or invalid delivery that the current schemas can read becomes an event. Deliveries
    never change, and a second run adds nothing.
    """
    with closing(RecorderDatabase(RecorderSettings.from_environment().database_url)) as database:
        database.is_new()
        with progress("Reading") as advance:
            done = replay(database.engine, dry_run=dry_run, on_read=advance)
    show_outcome(done, verb="would be added" if dry_run else "added")


def show_outcome(done: Replayed, *, verb: str) -> None:
    """Write a line for each command, and a summary."""
    for command in sorted(done.events | done.repeats):
        events, repeats = done.events[command], done.repeats[command]
        click.echo(f"{command}: {count(events, 'event')}, {count(repeats, 'repeat')}")
    read, added = count(done.read, "delivery"), count(done.events.total(), "event")
    click.echo(f"Read {read} without an event: {added} {verb}.")
