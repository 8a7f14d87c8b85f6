"""Text that programs and spreadsheets read alike."""

import csv
import io
import json

import pytest

UNTOUCHED = [
    "@TGS#BIGTOWN00",
    "@TOA#_test_OA_for_penn",
    "@TGS#",
    "@bob",
    "+8613800138000",
    "-5",
    "-5.25",
    "",
    " ",
    "'quoted'",
    '"quoted"',
    "a=b",
    "a,b;c\td",
    "two\r\nlines\n",
    "产品讨论组🎉",
    "(1)",
]
GUARDED = [
    "=1+1",
    "+1+1",
    "-1+1",
    "+",
    "-5\n",
    "@SUM(A1)",
    "@TGS#+cmd|' /C calc'!A0",
    "@SUM\n(A1)",
    "\0=1+1",
    "\t=1",
    "\r=1",
    "\n=1",
    "  -x",
    "\uff1d1+1",
    "\uff20SUM\uff08A1\uff09",
]


def read(data):
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("text", UNTOUCHED)
def test_text_that_no_spreadsheet_runs_is_left_as_it_is(write, text):
    assert read(write("csv", {"text": text}))[0]["text"] == text


@pytest.mark.parametrize("text", GUARDED)
def test_text_that_a_spreadsheet_may_run_is_guarded(write, text):
    assert read(write("csv", {"text": text}))[0]["text"] == f"'{text}"


def test_instant_is_exact_and_as_spreadsheets_read_it(write):
    (row,) = read(write("csv", {}))

    assert list(row) == ["id", "at", "at (Asia/Shanghai)", "text", "details"]
    assert row["at"] == "2026-11-25T16:30:01.234567Z"
    assert row["at (Asia/Shanghai)"] == "2026-11-26 00:30:01"


def test_unknown_instant_leaves_both_of_its_cells_empty(write):
    (row,) = read(write("csv", {"at": None}))

    assert (row["at"], row["at (Asia/Shanghai)"], row["text"]) == ("", "", "x")


def test_lines_of_ndjson_are_in_utc_whatever_the_zone(write):
    row, last = map(json.loads, write("ndjson", {"details": {"a": [1]}}).splitlines())

    assert row == {"id": 1, "at": "2026-11-25T16:30:01.234567Z", "text": "x", "details": {"a": [1]}}
    assert last == {"complete": True, "count": 1}


def test_details_are_json(write):
    (row,) = read(write("csv", {"details": {"=1": ["产品", None]}}))

    assert row["details"] == '{"=1":["产品",null]}'
