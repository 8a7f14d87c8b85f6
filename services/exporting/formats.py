"""The formats of exports."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from zoneinfo import ZoneInfo

from schemas.api.export import ExportFormat
from services.exporting.tables import Table
from services.exporting.text import write_csv, write_ndjson
from services.exporting.workbook import write_xlsx
from services.reading.pages import Row

Writer = Callable[[Table, Iterable[Row], ZoneInfo], Iterator[bytes]]

WRITERS: Mapping[ExportFormat, Writer] = {
    ExportFormat.NDJSON: write_ndjson,
    ExportFormat.CSV: write_csv,
    ExportFormat.XLSX: write_xlsx,
}
