"""Whether all is well, and if not, what: ``flask --app wsgi doctor``."""

from collections.abc import Iterator

import click
from flask import Blueprint
from sqlalchemy.exc import SQLAlchemyError

from blueprints.runtime import Runtime, runtime
from blueprints.simulate import open_sender
from services.breaker import describe
from services.clock import examine_clock
from services.doctor import (
    examine_database,
    examine_round_trip,
    examine_settings,
    examine_spool,
    examine_user,
)
from services.finding import Finding, Level
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
    sender = open_sender(url, here.settings, sdk_app_id) if url else None
    try:
        for found in examine(here, sender):
            level = click.style(f"{found.level:<8}", COLOURS[found.level])
            click.echo(f"{level} {found.about:<14} {found.text}")
            failures += found.level is Level.FAILURE
    except (SQLAlchemyError, OSError) as error:
        raise click.ClickException(describe(error)) from error
    finally:
        here.close()
    if failures:
        raise click.ClickException(f"{failures} of these keep the service from its work")


def examine(here: Runtime, sender: Sender | None) -> Iterator[Finding]:
    """Look at one thing after the other; at some only if those before are well."""
    database, spool, now = here.database, here.keeper.spool, here.now()
    yield from examine_settings(here.settings)
    yield from examine_user(spool.folder)
    yield (writes := examine_database("database", database.write_engine, to_write=True))
    yield (reads := examine_database("read database", database.read_engine))
    yield examine_spool(spool, now=now)
    if reads.level is Level.OK:
        with database.reads() as session:
            yield examine_clock(session, here.settings, now=now)
    if sender is not None:
        engine = database.write_engine if writes.level is Level.OK else None
        yield examine_round_trip(make_round_trip(sender, engine))
        sender.close()
