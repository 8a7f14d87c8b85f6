"""What can be done by hand: ``flask --app wsgi …``."""

import sys
import time
from typing import Any, BinaryIO

import click
from flask import Blueprint
from marshmallow import ValidationError, fields
from sqlalchemy.exc import SQLAlchemyError

from blueprints.export import to_bytes
from blueprints.runtime import runtime
from schemas.drift import CommandDriftSchema
from schemas.export import WRITERS, ExportQuerySchema
from schemas.page import PageQuery
from schemas.registry import LIFECYCLE_SCHEMAS
from services.breaker import describe
from services.drain import drain
from services.drift import NEWEST, find_drift
from services.export import stream_history
from services.health import check_spool
from services.replay import replay

POLL_SECONDS = 0.2

bp = Blueprint("commands", __name__, cli_group=None)


def filter_options() -> list[click.Parameter]:
    """Make an option of every filter of ``/export``."""
    return [
        click.Option(
            [f"--{name.replace('_', '-')}"],
            multiple=isinstance(field, fields.List),
            help=str(field.metadata.get("description", "")).replace("`", ""),
        )
        for name, field in ExportQuerySchema().fields.items()
    ]


@bp.cli.command("export", params=filter_options())
@click.option("-o", "--output", type=click.File("wb"), default="-", help="File to write.")
def export_history(output: BinaryIO, **given: Any) -> None:
    """Write all events that pass the filters, to a file or to standard output.

    Only a file whose last line says "complete" is whole.
    """
    args = {
        name: [*value] if isinstance(value, tuple) else [value]
        for name, value in given.items()
        if value
    }
    try:
        query: PageQuery = ExportQuerySchema().load(args)
    except ValidationError as error:
        raise click.UsageError(str(error)) from None
    here = runtime()
    with (
        here.database.reads() as session,
        click.progressbar(
            stream_history(session, query), label="Exporting", show_pos=True, file=sys.stderr
        ) as events,
    ):
        for line in WRITERS[query.filters["format"]](events):
            output.write(to_bytes([line]))
    here.close()


@bp.cli.command("drift")
@click.option("--newest", default=NEWEST, show_default=True, help="Deliveries of each command.")
def show_drift(newest: int) -> None:
    """Say where what Tencent sends differs from what the schemas know."""
    here = runtime()
    with (
        here.database.reads() as session,
        click.progressbar(length=len(LIFECYCLE_SCHEMAS), file=sys.stderr) as bar,
    ):
        found = find_drift(session, newest=newest, on_read=bar.update)
    here.close()
    for report in CommandDriftSchema(many=True).dump(found):
        click.echo(f"{report['command']}: {report['deliveries']} deliveries compared")
        for one in report["differences"]:
            click.echo(
                f"  {one['field']}: {one['seen']}, {one['count']} times from {one['first_seen']} "
                f"to {one['last_seen']}, such as delivery {one['sample_delivery_id']}"
            )


@bp.cli.command("replay")
@click.option("--dry-run", is_flag=True, help="Add nothing; say what would be added.")
def replay_deliveries(*, dry_run: bool) -> None:
    """Read unhandled and invalid deliveries again, by today's schemas.

    What has become readable turns into events; deliveries are never touched, and a second run adds
    nothing.
    """
    here = runtime()
    try:
        with click.progressbar(label="Reading", show_pos=True, file=sys.stderr, length=0) as bar:
            done = replay(here.database, dry_run=dry_run, on_read=bar.update)
    except SQLAlchemyError as fault:
        raise click.ClickException(describe(fault)) from fault
    finally:
        here.close()
    for command in sorted(done.events | done.repeats):
        click.echo(f"{command}: {done.events[command]} events, {done.repeats[command]} repeats")
    verb = "would be added" if dry_run else "added"
    click.echo(f"Read {done.read} deliveries without an event: {done.events.total()} {verb}.")


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
