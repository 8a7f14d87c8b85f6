"""The cursor: what is written is read, for its own query only."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.cursor import CursorError, Position, decode_cursor, encode_cursor

instants = st.datetimes(timezones=st.just(UTC))
positions = st.builds(Position, instants, st.integers(1, 2**63 - 1))


@given(positions, st.text())
def test_cursor_is_read_as_it_was_written(position, scope):
    assert decode_cursor(encode_cursor(position, scope=scope), scope=scope) == position


@given(positions, st.text(), st.text())
def test_cursor_belongs_to_one_scope(position, scope, other):
    cursor = encode_cursor(position, scope=scope)

    if scope != other:
        with pytest.raises(CursorError):
            decode_cursor(cursor, scope=other)


@given(st.text())
def test_no_text_makes_decoding_fail_otherwise(text):
    with pytest.raises(CursorError):
        decode_cursor(text, scope="")


def test_cursor_needs_no_escaping_in_a_url():
    last = datetime.max.replace(tzinfo=UTC)

    assert re.fullmatch(r"[\w-]+", encode_cursor(Position(last, 2**63 - 1), scope=""), re.ASCII)
