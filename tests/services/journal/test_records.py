"""The format of records: what goes in comes out, and damage stays local."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.journal.records import (
    HEADER,
    MAGIC,
    Kind,
    Record,
    new_uuid,
    read_records,
    write_record,
)
from tests.services.journal.conftest import NOW, make_record

instants = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9999, 12, 30)).map(
    lambda at: at.replace(tzinfo=UTC)
)
OF_EACH_RECORD = ("kind", "uuid", "received_at", "is_base64")  # no head has members so named
any_text = st.text(st.characters(exclude_categories=[]))
scalars = st.none() | st.booleans() | st.integers() | any_text
members = st.dictionaries(
    any_text.filter(lambda name: name not in OF_EACH_RECORD),
    st.recursive(scalars, st.lists, max_leaves=5),
)
records = st.builds(
    Record, st.sampled_from(Kind), st.uuids(), instants, members, st.binary(max_size=200)
)


def read(data, *, complete=True):
    return list(read_records(data, complete=complete))


@given(st.lists(records, max_size=4))
def test_what_is_written_is_read_back(written):
    data = b"".join(map(write_record, written))

    found = read(data)

    assert [record for record, _ in found] == written
    assert [end for _, end in found][-1:] == [len(data)] * bool(written)


@given(records)
def test_body_may_hold_what_looks_like_a_record(record):
    outer = make_record(write_record(record) + b"\n" + MAGIC)

    assert [one for one, _ in read(write_record(outer))] == [outer]


@given(st.binary(max_size=5), st.binary(max_size=5))
def test_body_is_never_taken_for_a_record_whatever_is_damaged(before, after):
    forged = make_record()
    data = write_record(make_record(before + write_record(forged) + after))
    for damaged in (data[:-1], data[1:], b"?" + data[1:], data[:20] + b"?" + data[21:]):
        assert [record for record, _ in read(damaged)] == [None]


@pytest.fixture(scope="module")
def two():
    return [write_record(make_record()) for _ in range(2)]


def test_tail_that_is_torn_at_any_byte_is_no_record(two):
    first, second = two
    for length in range(1, len(second)):
        data = first + second[:length]

        assert [end for _, end in read(data, complete=False)] == [len(first)]
        whole, torn = read(data)
        assert whole[0] is not None
        assert torn == (None, len(data))


def test_damage_at_any_byte_leaves_the_rest_to_be_read(two):
    first, second = two
    for position in range(len(first)):
        data = bytearray(first + second)
        data[position] ^= 0x41

        found = read(bytes(data))

        assert [end for record, end in found if record is not None] == [len(data)]
        assert (None, len(first)) in found


def test_nothing_is_read_beyond_damage_while_more_may_come(two):
    first, second = two

    assert read(b"?" + first + second, complete=False) == []


def test_length_that_is_damaged_is_not_believed():
    data = write_record(make_record())
    huge = HEADER.pack(MAGIC, 2**32 - 1, 0) + data[HEADER.size :]

    assert read(huge) == [(None, len(huge))]
    assert [record is None for record, _ in read(huge + data)] == [True, False]


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b"null", b'{"kind":"unheard"}', b"\xff"])
def test_record_of_another_release_is_left_to_the_next(line):
    import zlib

    payload = line + b"\n"
    data = HEADER.pack(MAGIC, len(payload), zlib.crc32(payload)) + payload
    known = make_record()

    assert [record for record, _ in read(data + write_record(known))] == [None, known]


def test_uuids_are_unique_and_sort_by_time():
    instants = [NOW + timedelta(milliseconds=n) for n in range(1000)]
    uuids = [new_uuid(at) for at in instants]

    assert uuids == sorted(uuids)
    assert {uuid.version for uuid in uuids} == {7}
    assert len({new_uuid(NOW) for _ in range(1000)}) == 1000


def test_zone_of_an_instant_makes_no_difference():
    record = Record(Kind.STARTED, new_uuid(NOW), NOW.astimezone(timezone(timedelta(hours=8))))

    ((found, _),) = read(write_record(record))

    assert found.received_at == NOW
