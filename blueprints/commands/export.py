"""``lifecycle export``: the history as a file."""

import os
import sys
from functools import partial
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import click
from click.core import ParameterSource
from marshmallow import Schema, ValidationError, fields

from blueprints.commands import TIME, bp
from config import ReaderSettings, RecorderSettings
from models.database.engine import connect_to_read
from schemas.api.export import DeliveryLinesQuerySchema, ExportFormat, ExportQuerySchema
from schemas.api.page import PageQuery
from schemas.fields import Instant
from services.exporting.formats import WRITERS
from services.exporting.tables import DELIVERY_LINES, EVENTS

UTC = ZoneInfo("UTC")
LINES_ALONE = {
    name: field
    for name, field in DeliveryLinesQuerySchema().fields.items()
    if name in ("verdict", "command")
}


def filter_options() -> list[click.Parameter]:
    """Make an option of every filter of ``/export``, and of deliveries."""
    return [
        click.Option(
            [name_option(name)],
            type=type_of(field),
            multiple=isinstance(field, fields.List),
            help=str(field.metadata.get("description", "")).replace("`", ""),
        )
        for name, field in (ExportQuerySchema().fields | LINES_ALONE).items()
    ]


def name_option(name: str) -> str:
    """Name the option of a filter."""
    return f"--{name.replace('_', '-')}"


def type_of(field: fields.Field[Any]) -> click.ParamType[Any] | None:
    """Return the type of a filter on the command line; none means any text."""
    if isinstance(field, fields.List):
        return type_of(field.inner)
    if isinstance(field, fields.Enum):
        return click.Choice([member.value for member in field.enum])
    return TIME if isinstance(field, Instant) else None


@bp.cli.command("export", params=filter_options())
@click.option(
    "-o", "--output", type=click.File("wb"), default="-", help="A file, not the standard output."
)
@click.option(
    "--deliveries", is_flag=True, help="Not events: deliveries byte for byte, to be imported."
)
def export_history(output: BinaryIO, *, deliveries: bool, **given: Any) -> None:
    """Write all matching events to a file.

    NDJSON is complete if its last line says so, CSV if it ends with a line break.
    """
    schema = DeliveryLinesQuerySchema() if deliveries else ExportQuerySchema()
    schema.error_messages["unknown"] = f"{'Not' if deliveries else 'Only'} with --deliveries."
    query = read_query(schema, given)
    chosen = query.filters.get("format", ExportFormat.NDJSON)
    if deliveries:  # readers see no ``Sign``
        table, url = DELIVERY_LINES, RecorderSettings.from_environment().database_url
        click.get_current_context().call_on_close(partial(os.umask, os.umask(0o077)))
    else:
        table, url = EVENTS, ReaderSettings.from_environment().database_read_url
    is_for_eyes = (
        click.get_current_context().get_parameter_source("output") == ParameterSource.DEFAULT
    )
    if chosen is ExportFormat.XLSX and is_for_eyes:
        raise click.UsageError("A workbook is not text: name a file with --output.")
    with (
        connect_to_read(url) as connection,
        click.progressbar(
            table.read(connection, query),
            label="Exporting",
            show_pos=True,
            hidden=not sys.stderr.isatty(),
            file=sys.stderr,
        ) as items,
    ):
        for piece in WRITERS[chosen](table, items, UTC):
            output.write(piece)


def read_query(schema: Schema, options: dict[str, Any]) -> PageQuery:
    """Read the options the way ``/export`` reads its parameters.

    Raises:
        click.UsageError: one of them is malformed.
    """
    args = {
        name: [*map(str, value)] if isinstance(value, tuple) else [str(value)]
        for name, value in options.items()
        if value
    }
    try:
        query: PageQuery = schema.load(args)
    except ValidationError as error:
        faults = [
            f"{name_option(name)}: {' '.join(reasons)}"
            for name, reasons in error.messages_dict.items()
        ]
        raise click.UsageError("; ".join(faults)) from None
    return query
