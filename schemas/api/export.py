"""How events are written to a file: the query of ``/export``, and its two formats."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from marshmallow import fields

from models.text import dump_json
from schemas.api.history import EventSchema, HistoryQuerySchema
from schemas.fields import Instant, about

FIELDS = EventSchema().fields
INSTANTS = [(name, field) for name, field in FIELDS.items() if isinstance(field, Instant)]
# A spreadsheet takes text with such a start for a formula, or skips the character to a formula.
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

    format = fields.Enum(
        ExportFormat,
        by_value=True,
        load_default=ExportFormat.NDJSON,
        metadata=about("One JSON object per line, or a table for spreadsheets."),
    )


def dump(event: Mapping[str, Any]) -> dict[str, Any]:
    """Dump an event as ``EventSchema`` does, in a tenth of the time.

    Only instants are not JSON already. ``EventSchema.dump`` asks each field how to find its value,
    which would take half the time of an export.
    """
    dumped = {name: event[name] for name in FIELDS}
    for name, field in INSTANTS:
        dumped[name] = field._serialize(event[name], name, event)
    return dumped


def write_ndjson(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Write a line for each event, and a last one that marks the file as complete."""
    count = 0
    for count, event in enumerate(events, start=1):  # noqa: B007
        yield f"{dump_json(dump(event))}\n"
    yield f"{dump_json({'complete': True, 'count': count})}\n"


class Line:
    """A file that gives back what is written to it: ``csv`` hands that on."""

    def write(self, text: str) -> str:
        """Return the text."""
        return text


def write_csv(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Write RFC 4180: names, a row for each event, and a last row that marks the file as complete.

    Text that a spreadsheet would run gets an apostrophe in front; lists and objects are JSON.
    """
    write = csv.writer(Line()).writerow
    yield write(FIELDS)
    count = 0
    for count, event in enumerate(events, start=1):  # noqa: B007
        yield write(map(to_cell, dump(event).values()))
    yield write(["complete", count])


def to_cell(value: Any) -> Any:
    """Return the value as a cell that a spreadsheet does not run."""
    if isinstance(value, dict | list):
        return dump_json(value)  # begins with a bracket
    is_formula = isinstance(value, str) and value.startswith(FORMULA_STARTS)
    return f"'{value}" if is_formula else value


WRITERS = {ExportFormat.NDJSON: write_ndjson, ExportFormat.CSV: write_csv}
