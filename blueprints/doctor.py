"""Whether all is well, and if not, what: ``flask --app wsgi doctor``."""

from collections.abc import Iterator

import click
from flask import Blueprint

from blueprints.runtime import Runtime, runtime
from services.doctor import (
    Finding,
    Level,
    examine_clock,
    examine_database,
    examine_round_trip,
    examine_settings,
    examine_spool,
)
from services.health import check_databases, check_spool
from services.round_trip import make_round_trip
from services.sender import Sender

COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.FAILURE: "red"}

bp = Blueprint("doctor", __name__, cli_group=None)


@bp.cli.command("doctor")
@click.option("--url", help="Webhook URL to send a signed callback through; it is kept.")
@click.option("--app", "sdk_app_id", help="SDKAppID to send it for, if there are several.")
def examine_service(url: str | None, sdk_app_id: str | None) -> None:
    """Look for what would keep callbacks from being received, stored or read.

    Fails if there is such a thing.
    """
    here = runtime()
    failures = 0
    try:
        sender = Sender(url, here.settings, sdk_app_id) if url else None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    for found in examine(here, sender):
        level = click.style(f"{found.level:<8}", COLOURS[found.level])
        click.echo(f"{level} {found.about:<14} {found.text}")
        failures += found.level is Level.FAILURE
    here.close()
    if failures:
        raise click.ClickException(f"{failures} of these keep the service from its work")


def examine(here: Runtime, sender: Sender | None) -> Iterator[Finding]:
    """Look at one thing after the other; some only if those before are well."""
    yield from examine_settings(here.settings)
    databases = check_databases(here.database, here.keeper.breaker)
    for name, health in databases.items():
        yield examine_database(name.replace("_", " "), health)
    yield examine_spool(check_spool(here.keeper.spool, now=here.now()))
    if databases["read_database"].ready:
        with here.database.reads() as session:
            yield examine_clock(session, here.settings)
    if sender is not None:
        yield examine_round_trip(make_round_trip(sender, here.database))
        sender.close()
