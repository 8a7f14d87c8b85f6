"""``flask --app wsgi export``: the history as a file."""

import sys
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import click
from click.core import ParameterSource
from marshmallow import ValidationError, fields

from blueprints.commands import bp, connect_to_read
from schemas.api.export import ExportFormat, ExportQuerySchema
from schemas.api.page import PageQuery
from services.exporting.formats import WRITERS
from services.exporting.tables import EVENTS

UTC = ZoneInfo("UTC")


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

    NDJSON is complete if its last line says so, CSV if it ends with a line break.
    """
    query = read_query(given)
    chosen = query.filters["format"]
    is_for_eyes = (
        click.get_current_context().get_parameter_source("output") == ParameterSource.DEFAULT
    )
    if chosen is ExportFormat.XLSX and is_for_eyes:
        raise click.UsageError("A workbook is no text: name a file with --output.")
    with (
        connect_to_read() as connection,
        click.progressbar(
            EVENTS.read(connection, query), label="Exporting", show_pos=True, file=sys.stderr
        ) as events,
    ):
        for piece in WRITERS[chosen](EVENTS, events, UTC):
            output.write(piece)


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
