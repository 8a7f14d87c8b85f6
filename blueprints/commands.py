"""What can be done by hand: ``flask --app wsgi …``."""

import time

import click
from flask import Blueprint

from blueprints.runtime import runtime
from services.breaker import describe
from services.drain import drain
from services.health import check_spool

POLL_SECONDS = 0.2

bp = Blueprint("commands", __name__, cli_group=None)


@bp.cli.command("drain")
def drain_spool() -> None:
    """Store now what waits in the spool, also what was set aside as stuck.

    The service does so by itself as soon as the database is back. Fails if anything is left.
    """
    here = runtime()
    keeper = here.keeper
    depth = check_spool(keeper.spool, now=here.now()).depth
    try:
        with click.progressbar(length=depth, label="Draining") as bar:
            while (
                drained := drain(
                    keeper.spool, keeper.committer, stuck_too=True, on_stored=bar.update
                )
            ) is None:
                time.sleep(POLL_SECONDS)  # a worker is at it
    except Exception as fault:
        left = check_spool(keeper.spool, now=here.now()).depth
        raise click.ClickException(f"{left} callbacks wait: {describe(fault)}") from fault
    finally:
        here.close()
    click.echo(f"Stored {drained.stored} callbacks.")
    if drained.stuck:
        raise click.ClickException(f"{drained.stuck} can't be stored: the log says why")
