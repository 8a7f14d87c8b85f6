"""A real spreadsheet program opens the files, and runs nothing in them."""

import shutil
import subprocess

import openpyxl
import pytest

from tests.services.exporting.test_text import GUARDED, UNTOUCHED

OFFICE = shutil.which("soffice")
COMMA, QUOTE, UTF_8 = 44, 34, 76
needs_office = pytest.mark.skipif(OFFICE is None, reason="no soffice here")
IDS = ["@TGS#BIGTOWN00", "@TOA#_test_OA_for_penn", "@bob"]


@pytest.fixture
def convert(tmp_path):
    """Open a file and save it as a new workbook; return its first sheet."""

    def convert(data, kind):
        (tmp_path / f"file.{kind}").write_bytes(data)
        profile = f"-env:UserInstallation=file://{tmp_path}/profile"
        reading = [f"--infilter=CSV:{COMMA},{QUOTE},{UTF_8},1"] if kind == "csv" else []
        target = ["--convert-to", "xlsx", "--outdir", tmp_path / "out", tmp_path / f"file.{kind}"]
        subprocess.run([OFFICE, "--headless", profile, *reading, *target], check=True, timeout=120)
        return openpyxl.load_workbook(tmp_path / "out" / "file.xlsx").active

    return convert


def formulas(sheet):
    return [cell.value for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]


@needs_office
def test_an_equals_sign_makes_a_formula_also_behind_a_nul_and_nothing_else_does(convert):
    firsts = [chr(code) for code in range(128) if chr(code) not in '"\r\n']
    texts = [f"{first}1+1" for first in firsts] + [f"{first}=1+1" for first in firsts]
    lines = "".join(f'{number},"{text}"\r\n' for number, text in enumerate(texts))

    sheet = convert(lines.encode(), "csv")
    found = {texts[row[0].value] for row in sheet.iter_rows() if row[1].data_type == "f"}
    assert found == {"=1+1", "\0=1+1", "==1+1"}


@needs_office
@pytest.mark.parametrize("chosen", ["csv", "xlsx"])
def test_no_text_is_run_and_ids_are_as_they_were(write, convert, chosen):
    texts = IDS + UNTOUCHED + GUARDED

    sheet = convert(write(chosen, *({"text": text} for text in texts)), chosen)
    column = {"csv": "D", "xlsx": "C"}[chosen]
    assert formulas(sheet) == []
    assert [sheet[f"{column}{row}"].value for row in (2, 3, 4)] == IDS


@needs_office
@pytest.mark.parametrize(("chosen", "cell"), [("csv", "C2"), ("xlsx", "B2")])
def test_times_are_times(write, convert, chosen, cell):
    sheet = convert(write(chosen, {}), chosen)

    assert sheet[cell].is_date
    assert f"{sheet[cell].value:%Y-%m-%d %H:%M:%S}" == "2026-11-26 00:30:01"
