"""Write a table as text: NDJSON for programs, CSV for programs and spreadsheets."""

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from models.clock import move_to_zone
from models.text import dump_json
from services.exporting.tables import Sheet, Table
from services.reading.pages import Row

PIECE_CHARACTERS = 64 * 1024
LINE_BREAK = "\r\n"
BYTE_ORDER_MARK = "\ufeff"  # without it, Excel takes UTF-8 for the code page of the machine
# A spreadsheet runs a text that begins with an equals sign, a plus or a minus, unless it is a
# number, and a text that begins with @ and calls a function or another program. An ID calls
# nothing. Controls and spaces before these signs may be skipped, and East Asian full-width forms
# accepted.
FORMULA = re.compile(
    r"[\0- ]*([=\uff1d]|[+\-\uff0b\uff0d](?!\d+(\.\d+)?\Z)|[@\uff20].*[(|!\uff08])", re.DOTALL
)


def write_ndjson(table: Table, items: Iterable[Row], _: ZoneInfo) -> Iterator[bytes]:
    """Write a line for each row, and a last one that marks the file as complete."""
    return encode(list_lines(table.whole or table.sheets[0], items))


def list_lines(sheet: Sheet, items: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of NDJSON."""
    count = 0
    for item in items:
        for row in sheet.rows(item):
            count += 1
            yield f"{dump_json(dump(sheet, row))}\n"
    yield f"{dump_json({'complete': True, 'count': count})}\n"


def dump(sheet: Sheet, row: Row) -> dict[str, Any]:
    """Dump a row as its schema does, in a tenth of the time.

    Only instants are not JSON yet. ``Schema.dump`` looks up how to read each field, which would
    take half the time of an export.
    """
    dumped = {name: row[name] for name in sheet.columns}
    for name, field in sheet.instants.items():
        dumped[name] = field._serialize(row[name], name, row)
    return dumped


def write_csv(table: Table, items: Iterable[Row], zone: ZoneInfo) -> Iterator[bytes]:
    """Write RFC 4180: the headings, then the rows of the first sheet.

    Each row is preceded by a line break, and the file ends with one: a file without it is
    incomplete.
    """
    return encode(list_records(table.sheets[0], items, zone))


def list_records(sheet: Sheet, items: Iterable[Row], zone: ZoneInfo) -> Iterator[str]:
    """Yield the records of CSV, each preceded by a line break, then the final line break."""
    write = csv.writer(Line()).writerow
    yield BYTE_ORDER_MARK + write(name_columns(sheet, zone)).removesuffix(LINE_BREAK)
    for item in items:
        for row in sheet.rows(item):
            yield LINE_BREAK + write(list_cells(sheet, row, zone)).removesuffix(LINE_BREAK)
    yield LINE_BREAK


class Line:
    """A file that returns what is written to it; ``csv`` passes that on."""

    def write(self, text: str) -> str:
        """Return the text."""
        return text


def name_columns(sheet: Sheet, zone: ZoneInfo) -> Iterator[str]:
    """Yield the headings; an instant has two columns."""
    for name in sheet.columns:
        yield name
        if name in sheet.instants:
            yield f"{name} ({zone.key})"


def list_cells(sheet: Sheet, row: Row, zone: ZoneInfo) -> Iterator[Any]:
    """Yield the cells of a row; an instant has an exact one, and one that spreadsheets can read."""
    for name in sheet.columns:
        value = row[name]
        if name in sheet.instants:
            yield sheet.instants[name]._serialize(value, name, row)
            yield show_seconds(value, zone)
        else:
            yield to_cell(value)


def show_seconds(instant: datetime | None, zone: ZoneInfo) -> str | None:
    """Write a local time to the second."""
    return None if instant is None else f"{move_to_zone(instant, zone):%Y-%m-%d %H:%M:%S}"


def to_cell(value: Any) -> Any:
    """Return a value as a cell that a spreadsheet does not execute."""
    if isinstance(value, dict | list):
        return dump_json(value)  # begins with a bracket
    is_formula = isinstance(value, str) and FORMULA.match(value)
    return f"'{value}" if is_formula else value


def encode(lines: Iterable[str]) -> Iterator[bytes]:
    """Join lines into pieces worth sending."""
    piece: list[str] = []
    size = 0
    for line in lines:
        piece.append(line)
        size += len(line)
        if size >= PIECE_CHARACTERS:
            yield to_bytes(piece)
            piece, size = [], 0
    yield to_bytes(piece)


def to_bytes(lines: Iterable[str]) -> bytes:
    """Encode lines; JSON can hold a lone surrogate, which UTF-8 cannot."""
    return "".join(lines).encode(errors="backslashreplace")
