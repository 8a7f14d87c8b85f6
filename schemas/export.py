"""How events are written to a file: the query of ``/export``, and its two formats."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from operator import itemgetter
from typing import Any

from marshmallow import fields

from models.types import dump_json
from schemas.fields import Instant
from schemas.history import EventSchema, HistoryQuerySchema

FIELDS = EventSchema().fields
COLUMNS = tuple(FIELDS)
PICK = itemgetter(*COLUMNS)
INSTANTS = [(name, field) for name, field in FIELDS.items() if isinstance(field, Instant)]
# A spreadsheet takes what begins like this for a formula, or passes over it to one that follows.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


class ExportFormat(StrEnum):
    """How an export is written."""

    NDJSON = "ndjson"
    CSV = "csv"


CONTENT_TYPES = {
    ExportFormat.NDJSON: "application/x-ndjson",
    ExportFormat.CSV: "text/csv; charset=utf-8",
}


class ExportQuerySchema(HistoryQuerySchema):
    """Filters of ``/export``: those of ``/history``, without its pages."""

    class Meta:
        """All pages are written."""

        exclude = ("limit", "cursor")

    address = "/export"

    format = fields.Enum(
        ExportFormat,
        by_value=True,
        load_default=ExportFormat.NDJSON,
        metadata={"description": "A JSON object a line, or a table for spreadsheets."},
    )


def dump(event: Mapping[str, Any]) -> dict[str, Any]:
    """Do what ``EventSchema.dump`` does, in a tenth of the time: all but instants stay as they are.

    It would ask each field how to find its value, and take half the time of an export.
    """
    dumped = dict(zip(COLUMNS, PICK(event), strict=True))
    for name, field in INSTANTS:
        dumped[name] = field._serialize(event[name], name, event)
    return dumped


def write_ndjson(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Write a line for each event, and a last one that says that all are there."""
    count = 0
    for count, event in enumerate(events, start=1):  # noqa: B007
        yield f"{dump_json(dump(event))}\n"
    yield f"{dump_json({'complete': True, 'count': count})}\n"


def write_csv(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Write RFC 4180: names, a row for each event, and a last row that says that all are there.

    Text that a spreadsheet would run is preceded by an apostrophe; lists and objects are JSON.
    """
    line = io.StringIO(newline="")
    writer = csv.writer(line)

    def write(cells: Iterable[Any]) -> str:
        line.seek(0)
        line.truncate()
        writer.writerow(cells)
        return line.getvalue()

    yield write(COLUMNS)
    count = 0
    for count, event in enumerate(events, start=1):  # noqa: B007
        dumped = dump(event)
        yield write(to_cell(dumped[name]) for name in COLUMNS)
    yield write(["complete", count])


def to_cell(value: Any) -> Any:
    """Make a cell that says the value and runs nothing."""
    if isinstance(value, dict | list):
        value = dump_json(value)
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


WRITERS: Mapping[ExportFormat, Callable[[Iterable[Mapping[str, Any]]], Iterator[str]]] = {
    ExportFormat.NDJSON: write_ndjson,
    ExportFormat.CSV: write_csv,
}
