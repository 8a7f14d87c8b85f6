"""``flask --app wsgi export``: the history as a file."""

import sys
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import click
from click.core import ParameterSource
from marshmallow import ValidationError, fields

from blueprints.commands import TIME, bp, connect_to_read
from schemas.api.export import ExportFormat, ExportQuerySchema
from schemas.api.page import PageQuery
from schemas.fields import Instant
from services.exporting.formats import WRITERS
from services.exporting.tables import EVENTS

UTC = ZoneInfo("UTC")


def filter_options() -> list[click.Parameter]:
    """Make an option of every filter of ``/export``."""
    return [
        click.Option(
            [name_option(name)],
            type=type_of(field),
            multiple=isinstance(field, fields.List),
            help=str(field.metadata.get("description", "")).replace("`", ""),
        )
        for name, field in ExportQuerySchema().fields.items()
    ]


def name_option(name: str) -> str:
    """Name the option of a filter."""
    return f"--{name.replace('_', '-')}"


def type_of(field: fields.Field[Any]) -> click.ParamType[Any] | None:
    """Return what a filter takes on the command line; none is any text."""
    if isinstance(field, fields.List):
        return type_of(field.inner)
    if isinstance(field, fields.Enum):
        return click.Choice([member.value for member in field.enum])
    return TIME if isinstance(field, Instant) else None


@bp.cli.command("export", params=filter_options())
@click.option(
    "-o", "--output", type=click.File("wb"), default="-", help="A file, not the standard output."
)
def export_history(output: BinaryIO, **given: Any) -> None:
    """Write all matching events to a file.

    NDJSON is complete if its last line says so, CSV if it ends with a line break.
    """
    query = read_query(given)
    chosen = query.filters["format"]
    is_for_eyes = (
        click.get_current_context().get_parameter_source("output") == ParameterSource.DEFAULT
    )
    if chosen is ExportFormat.XLSX and is_for_eyes:
        raise click.UsageError("A workbook is not text: name a file with --output.")
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
        name: [*map(str, value)] if isinstance(value, tuple) else [str(value)]
        for name, value in options.items()
        if value
    }
    try:
        query: PageQuery = ExportQuerySchema().load(args)
    except ValidationError as error:
        faults = [
            f"{name_option(name)}: {' '.join(reasons)}"
            for name, reasons in error.messages_dict.items()
        ]
        raise click.UsageError("; ".join(faults)) from None
    return query
