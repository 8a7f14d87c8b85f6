"""``lifecycle replay``: derive events from deliveries without one."""

import click

from blueprints.commands import bp, open_to_write, progress
from services.operating.finding import count
from services.operating.replay import Replayed, replay
from services.recording.following.subjects import restore_subjects


@bp.cli.command("replay")
@click.option("--dry-run", is_flag=True, help="Only report what would be added.")
def replay_deliveries(*, dry_run: bool) -> None:
    """Read deliveries without an event again.

    An unhandled or invalid delivery that the current schemas can read becomes an event. Deliveries
    never change, and a second run adds nothing. The present states of channels and groups, and the
    names that a search finds, are made again from all events.
    """
    with open_to_write() as database:
        with progress("Reading") as advance:
            done = replay(database.engine, dry_run=dry_run, on_read=advance)
        if not dry_run:
            with progress("Following") as advance:
                for number in restore_subjects(database.engine):
                    advance(number)
    show_outcome(done, verb="would be added" if dry_run else "added")


def show_outcome(done: Replayed, *, verb: str) -> None:
    """Print a line for each command, and a summary."""
    for command in sorted(done.events | done.repeats):
        events, repeats = done.events[command], done.repeats[command]
        click.echo(f"{command}: {count(events, 'event')}, {count(repeats, 'repeat')}")
    read, added = count(done.read, "delivery"), count(done.events.total(), "event")
    click.echo(f"Read {read} without an event: {added} {verb}.")
