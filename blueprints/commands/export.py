"""``flask --app wsgi export``: the history as a file."""

import sys
from typing import Any, BinaryIO

import click
from marshmallow import ValidationError, fields

from blueprints.api.export import to_bytes
from blueprints.commands import bp, connect_to_read
from schemas.api.export import WRITERS, ExportQuerySchema
from schemas.api.page import PageQuery
from services.reading.history import stream_history


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

    The file is complete only if its last line says so.
    """
    query = read_query(given)
    with (
        connect_to_read() as connection,
        click.progressbar(
            stream_history(connection, query), label="Exporting", show_pos=True, file=sys.stderr
        ) as events,
    ):
        for line in WRITERS[query.filters["format"]](events):
            output.write(to_bytes([line]))


def read_query(options: dict[str, Any]) -> PageQuery:
    """Read the options as ``/export`` reads its parameters.

    Raises:
        click.UsageError: one of them is malformed.
    """
    args = {
        name: [*value] if isinstance(value, tuple) else [value]
        for name, value in options.items()
        if value
    }
    try:
        query: PageQuery = ExportQuerySchema().load(args)
    except ValidationError as error:
        raise click.UsageError(str(error)) from None
    return query
