"""The sources of an import: a file, or the database of another program."""

import json
from collections.abc import Iterator
from typing import BinaryIO

import sqlalchemy as sa

from models.database.connection import NotReadyError
from services.importing.rows import Row

LONGEST_TRAILER = 100  # bytes
ROWS_AT_ONCE = 100
REQUIRED = ("received_at", "body")


class IncompleteError(Exception):
    """A file does not end the way ``export --deliveries`` ends one."""


def check_trailer(file: BinaryIO) -> None:
    """Make sure that a seekable file has its last line; a pipe shows that only at its end.

    Raises:
        IncompleteError: it has not.
    """
    if file.seekable():
        end = file.seek(0, 2)
        file.seek(max(end - LONGEST_TRAILER, 0))
        last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
        file.seek(0)
        if read_trailer(last) is None:
            raise IncompleteError('the last line is not {"complete": true, "count": …}')


def read_trailer(line: bytes) -> int | None:
    """Return how many lines a last line counts before it; none if it is an ordinary line."""
    if len(line) > LONGEST_TRAILER:
        return None
    try:
        trailer = json.loads(line)
    except ValueError:
        return None
    is_trailer = isinstance(trailer, dict) and trailer.get("complete") is True
    return int(trailer.get("count", -1)) if is_trailer else None


def read_lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file with their numbers, except the last one.

    Raises:
        IncompleteError: there is none, or lines are missing before it.
    """
    number = 0
    for number, line in enumerate(file, 1):
        count = read_trailer(line)
        if count is None:
            yield number, line
        elif count == number - 1:
            return
        else:
            raise IncompleteError(f"line {number} says that {count} lines are before it")
    raise IncompleteError(f"it ends after line {number}, without its last line")


def fetch_rows(connection: sa.Connection, query: str) -> Iterator[tuple[int, Row]]:
    """Yield the rows of a query with their numbers.

    Raises:
        NotReadyError: it lacks a column.
    """
    options = {"no_parameters": True, "yield_per": ROWS_AT_ONCE}
    result = connection.execution_options(**options).exec_driver_sql(query)
    columns = [*result.keys()]
    if missing := [name for name in REQUIRED if name not in columns]:
        raise NotReadyError(
            f"the query has no column {' or '.join(missing)}, only {', '.join(columns)}: "
            f"name them, such as SELECT payload AS body"
        )
    for number, row in enumerate(result.mappings(), 1):
        yield number, {**row}
