"""``lifecycle doctor``: check that all is well, or find what is not."""

from collections.abc import Iterator

import click

from blueprints.commands import bp
from blueprints.commands.simulate import open_sender
from config import ReaderSettings, ReceiverSettings, RecorderSettings, read_environment
from config.declared import MAX_BODY_BYTES, SDK_APPS, UNHANDLED_BODIES
from models.clock import utc_now
from models.database.engine import connect_to_read
from services.operating.doctor import (
    examine_clock,
    examine_database,
    examine_folders,
    examine_read_database,
    examine_recorder,
    examine_retention,
    examine_revision,
    examine_settings,
    examine_user,
)
from services.operating.finding import Finding, Level, count
from services.operating.round_trip import examine_round_trip
from services.operating.sender import Sender

COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.FAILED: "red"}


@bp.cli.command("doctor")
@click.option("--url", metavar="URL", help="Send one signed callback to this webhook URL.")
@click.option("--app", "sdk_app_id", metavar="SDKAPPID", help="The app, if there are several.")
def examine_service(*, url: str | None, sdk_app_id: str | None) -> None:
    """Check settings, journal, recorder, databases and clock.

    With --url, also check the way from your public URL to the database; the callback is stored
    permanently. Exits with 1 if a check fails.
    """
    has_apps = url is not None or SDK_APPS.name in read_environment()
    receiver = ReceiverSettings.from_environment() if has_apps else None
    sender = open_sender(url, receiver.sdk_apps, sdk_app_id) if url and receiver else None
    failed = 0
    for found in examine_all(receiver, sender):
        level = click.style(f"{found.level:<7}", COLOURS[found.level])
        click.echo(f"{level}  {found.about}: {found.text}")
        failed += found.level is Level.FAILED
    if failed:
        raise click.ClickException(f"{count(failed, 'check')} failed")


def examine_all(receiver: ReceiverSettings | None, sender: Sender | None) -> Iterator[Finding]:
    """Check what each process depends on, and follow a callback that is sent now."""
    recorder, reader = RecorderSettings.from_environment(), ReaderSettings.from_environment()
    folders = recorder.journal.folders
    yield from examine_settings(receiver, reader)
    unhandled_bodies = UNHANDLED_BODIES.read(given := read_environment())
    yield examine_retention(recorder, unhandled_bodies=unhandled_bodies)
    yield from examine_user(folders)
    yield from examine_folders(folders)
    yield examine_recorder(folders, now=utc_now())
    max_body_bytes = MAX_BODY_BYTES.read(given)
    yield (writes := examine_database(recorder.database_url, max_body_bytes=max_body_bytes))
    yield (reads := examine_read_database(reader.database_read_url))
    if reads.level is Level.OK:
        with connect_to_read(reader.database_read_url) as connection:
            yield examine_revision(connection)
            if receiver is not None:
                yield examine_clock(connection, receiver, now=utc_now())
    if sender is not None:
        reached = recorder.database_url if writes.level is Level.OK else None
        yield examine_round_trip(sender, reached)
