"""Write a table as a workbook with typed cells: XLSX."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError

from models.clock import move_to_zone
from models.text import dump_json
from services.exporting.tables import Sheet, Table
from services.reading.pages import Row

PIECE_BYTES = 64 * 1024
MOST_ROWS = 1_048_576  # of a sheet, the headings included
MOST_UNITS = 32_767  # of UTF-16 in a cell
MOST_EXACT = 10**15  # from here on, Excel rounds
EVERY_CELL = "A1:XFD1048576"
TEXT_WIDTH, INSTANT_WIDTH = 16, 23  # in characters
OPTIONS = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}


def write_xlsx(table: Table, items: Iterable[Row], zone: ZoneInfo) -> Iterator[bytes]:
    """Write a workbook; the first bytes are sent once all of it is in a temporary file.

    Raises:
        OSError: the disk is full.
    """
    with TemporaryDirectory(prefix="export-") as folder:
        path = Path(folder) / "export.xlsx"
        try:
            with Workbook(path, {**OPTIONS, "tmpdir": folder}) as workbook:
                workbook.use_zip64()
                fill(workbook, table, items, zone)
        except FileCreateError as fault:
            raise OSError(*fault.args) from fault
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                yield piece


def fill(workbook: Workbook, table: Table, items: Iterable[Row], zone: ZoneInfo) -> None:
    """Write the rows of all items into their sheets."""
    writers = [SheetWriter(workbook, sheet, zone) for sheet in table.sheets]
    for item in items:
        for writer in writers:
            for row in writer.sheet.rows(item):
                writer.write(row)


class SheetWriter:
    """Writes rows into a sheet, and continues in another one when it is full."""

    def __init__(self, workbook: Workbook, sheet: Sheet, zone: ZoneInfo) -> None:
        self.workbook = workbook
        self.sheet = sheet
        self.zone = zone
        self.bold = workbook.add_format({"bold": True})
        self.number = workbook.add_format({"num_format": "0"})
        self.instant = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        self.pages = 0
        self.begin_page()

    def begin_page(self) -> None:
        """Begin a sheet with its headings."""
        self.pages += 1
        name = self.sheet.name if self.pages == 1 else f"{self.sheet.name} {self.pages}"
        self.page = self.workbook.add_worksheet(name)
        self.page.freeze_panes(1, 0)
        self.page.ignore_errors({"number_stored_as_text": EVERY_CELL})
        for column, name in enumerate(self.sheet.columns):
            is_instant = name in self.sheet.instants
            self.page.set_column(column, column, INSTANT_WIDTH if is_instant else TEXT_WIDTH)
            heading = f"{name} ({self.zone.key})" if is_instant else name
            self.page.write_string(0, column, heading, self.bold)
        self.next_row = 1

    def write(self, row: Row) -> None:
        """Write the next row."""
        if self.next_row == MOST_ROWS:
            self.begin_page()
        for column, name in enumerate(self.sheet.columns):
            self.write_cell(self.next_row, column, row[name])
        self.next_row += 1

    def write_cell(self, row: int, column: int, value: Any) -> None:
        """Write a value with its type; none leaves the cell empty."""
        if isinstance(value, datetime):
            local = move_to_zone(value, self.zone).replace(tzinfo=None)  # a cell has no zone
            self.page.write_datetime(row, column, local, self.instant)
        elif type(value) is int and value < MOST_EXACT:
            self.page.write_number(row, column, value, self.number)
        elif value is not None:
            self.write_text(row, column, value if isinstance(value, str) else dump_json(value))

    def write_text(self, row: int, column: int, text: str) -> None:
        """Write a text, whatever it looks like."""
        text = fit(text)
        if text.startswith("<r>"):  # XlsxWriter would take it for markup, unless it is split
            self.page.write_rich_string(row, column, text[0], text[1], text[2:])
        else:
            self.page.write_string(row, column, text)


def fit(text: str) -> str:
    """Return a text that fits in a cell; one that is too long is cut and ends with a note."""
    if text.isascii() and len(text) <= MOST_UNITS:  # nearly all
        return text
    text = text.encode(errors="backslashreplace").decode()
    in_utf16 = text.encode("utf-16-le")
    if len(in_utf16) <= 2 * MOST_UNITS:
        return text
    note = f" … [cut: CSV and NDJSON have all {len(text)} characters]"
    return in_utf16[: 2 * (MOST_UNITS - len(note))].decode("utf-16-le", "ignore") + note
