"""Cells have the right types and values when another program reads them."""

import io
import resource
from datetime import UTC, datetime

import openpyxl
import pytest

from services.exporting import workbook
from tests.services.exporting.test_text import GUARDED, UNTOUCHED


def read(data):
    return openpyxl.load_workbook(io.BytesIO(data), rich_text=False)


@pytest.mark.parametrize(
    "text", [*UNTOUCHED, *GUARDED, "<r>x</r>", "<r><t>&</t></r>", "https://x", "007", "_x0041_"]
)
def test_text_is_text_whatever_it_looks_like(write, text):
    cell = read(write("xlsx", {"text": text})).active["C2"]

    assert (cell.data_type, cell.hyperlink) == ("s", None) or text == ""
    assert unescaped(cell.value or "") == text.replace("\r", "\r")


def unescaped(text):
    """Undo Excel's escapes of controls that XML cannot hold, which openpyxl leaves alone."""
    return openpyxl.utils.escape.unescape(text)


def test_cells_have_types_and_the_heading_names_the_zone(write):
    sheet = read(write("xlsx", {"id": 1670574414123})).active

    number, at = sheet["A2"], sheet["B2"]
    assert (number.value, number.number_format) == (1670574414123, "0")
    assert sheet["B1"].value == "at (Asia/Shanghai)"
    assert at.is_date
    assert at.value == datetime(2026, 11, 26, 0, 30, 1, 235000)
    assert at.number_format == "yyyy-mm-dd hh:mm:ss.000"


def test_number_that_excel_would_round_is_text(write):
    cell = read(write("xlsx", {"id": 2**62 + 1})).active["A2"]

    assert (cell.data_type, cell.value) == ("s", str(2**62 + 1))


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York"])
def test_end_of_time_can_be_written(write, zone):
    end = datetime.max.replace(tzinfo=UTC, microsecond=0)

    assert read(write("xlsx", {"at": end}, zone=zone)).active["B2"].value.year == 9999


def test_nothing_leaves_a_cell_empty(write):
    sheet = read(write("xlsx", {"at": None, "text": None})).active

    assert [cell.value for cell in sheet[2]] == [1, None, None, "{}"]


@pytest.mark.parametrize("character", ["a", "啊", "🎉"])
def test_text_that_is_too_long_for_a_cell_says_so(write, character):
    units = len(character.encode("utf-16-le")) // 2
    fits = character * (32_767 // units)
    assert read(write("xlsx", {"text": fits})).active["C2"].value == fits

    cut = read(write("xlsx", {"text": 40_000 * character})).active["C2"].value
    assert cut.startswith(10_000 * character)
    assert cut.endswith(f"{character} … [cut: CSV and NDJSON have all 40000 characters]")
    assert 32_765 <= len(cut.encode("utf-16-le")) // 2 <= 32_767


def test_half_a_character_does_not_end_the_file(write):
    assert read(write("xlsx", {"text": "a\ud800"})).active["C2"].value == "a\\ud800"


@pytest.fixture
def small_disk():
    """Limit the size of files to some kilobytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_disk_that_is_full_is_named(write, small_disk):
    with pytest.raises(OSError, match="File too large"):
        write("xlsx", *({"text": str(number)} for number in range(1000)))


def test_full_sheet_is_followed_by_another(write, monkeypatch):
    monkeypatch.setattr(workbook, "MOST_ROWS", 3)

    book = read(write("xlsx", *({"id": number} for number in range(5))))
    assert book.sheetnames == ["rows", "rows 2", "rows 3"]
    assert [row[0] for sheet in book for row in sheet.iter_rows(2, values_only=True)] == [*range(5)]
    assert {sheet["A1"].value for sheet in book} == {"id"}


def test_sheet_holds_as_many_rows_as_excel_takes():
    assert workbook.MOST_ROWS == 2**20
