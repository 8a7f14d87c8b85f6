"""Fixtures: a journal for each test, and records for it."""

import time
from datetime import UTC, datetime
from itertools import count

import pytest

from services.journal.folder import list_waiting
from services.journal.journal import Journal
from services.journal.records import Kind, Record, new_uuid, read_records

NOW = datetime(2026, 11, 21, 7, 0, 0, 123456, tzinfo=UTC)
NUMBERS = count()


def make_record(body=b"body"):
    return Record(Kind.CALLBACK, new_uuid(NOW), NOW, {"n": next(NUMBERS)}, body)


def wait_until(condition):
    """Poll a condition that no event announces; fail after some seconds."""
    for _ in range(10_000):
        if condition():
            return
        time.sleep(0.001)
    raise AssertionError("in vain")


def read_back(folder):
    """Read all records that are waiting in a folder."""
    return [
        record
        for file in list_waiting(folder)
        for record, _ in read_records(file.path.read_bytes(), complete=True)
    ]


@pytest.fixture
def open_journal():
    """Open journals, and close them when the test ends."""
    opened = []

    def open_journal(*folders):
        opened.append(journal := Journal(folders))
        return journal

    yield open_journal
    for journal in opened:
        if not journal.is_closed:
            journal.close()
