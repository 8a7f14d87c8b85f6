"""A small table to write."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from marshmallow import Schema, fields

from schemas.fields import Instant
from services.exporting.formats import WRITERS
from services.exporting.tables import Sheet, Table

AT = datetime(2026, 11, 25, 16, 30, 1, 234567, tzinfo=UTC)


class RowSchema(Schema):
    """A column of each kind."""

    id = fields.Integer()
    at = Instant()
    text = fields.String()
    details = fields.Dict()


@pytest.fixture
def write():
    """Write rows, given only by the values that matter, in some format."""

    def write(chosen, *rows, zone="Asia/Shanghai"):
        table = Table(lambda *_: iter(()), [Sheet("rows", RowSchema())])
        whole = ({"id": 1, "at": AT, "text": "x", "details": {}, **row} for row in rows)
        return b"".join(WRITERS[chosen](table, whole, ZoneInfo(zone)))

    return write
