"""Refused requests are stored within limits; the oldest go first."""

import pytest

from models.tables import QuarantinedRequest
from models.vocabulary import Refusal
from services.recording.ledger import Numbers
from services.recording.quarantine import (
    MAX_OF_APP,
    MAX_OF_PEER,
    MAX_OF_STRANGERS,
    store_refusals,
)
from services.recording.store import Batch
from tests.conftest import APP
from tests.services.recording.conftest import refusal_record


@pytest.fixture
def store(recorder):
    def store(*records):
        with recorder.database.begin() as connection:
            numbers = Numbers.lock(connection)
            store_refusals(connection, records, numbers)
            numbers.store(connection)

    return store


def test_newest_of_a_stranger_stay(store, rows):
    other = refusal_record(peer="192.0.2.2")
    other_reason = refusal_record(reason=Refusal.APP_UNKNOWN)
    store(other, other_reason, *(refusal_record(n) for n in range(MAX_OF_PEER)))
    store(refusal_record(MAX_OF_PEER + 1), refusal_record(MAX_OF_PEER + 2))

    found = rows(QuarantinedRequest)
    assert len(found) == MAX_OF_PEER + 2
    assert [row.uuid for row in found[:2]] == [other.uuid, other_reason.uuid]
    assert [row.id for row in found[2:]] == [*range(5, MAX_OF_PEER + 5)]


def test_many_strangers_do_not_push_the_limit_nor_ours_away(store, rows):
    ours = refusal_record(app=APP)
    store(ours, *(refusal_record(peer=f"192.0.2.{n % 20}") for n in range(MAX_OF_STRANGERS)))
    store(refusal_record(peer="198.51.100.1"))

    found = rows(QuarantinedRequest)
    assert len(found) == MAX_OF_STRANGERS + 1
    assert found[0].uuid == ours.uuid
    assert found[-1].sender == "198.51.100.1"


def test_of_an_app_more_are_stored_whoever_sent_them(store, rows):
    store(*(refusal_record(app=APP, peer=f"192.0.2.{n}") for n in range(MAX_OF_APP)))
    store(refusal_record(app=APP))

    found = rows(QuarantinedRequest)
    assert [row.id for row in found] == [*range(2, MAX_OF_APP + 2)]
    assert {row.sender for row in found} == {APP}


def test_old_ones_that_are_recorded_again_do_not_push_newer_ones_away(recorder, rows):
    records = [refusal_record(n) for n in range(MAX_OF_PEER + 10)]
    recorder.store(Batch(records))
    newest = [row.uuid for row in rows(QuarantinedRequest)]

    recorder.store(Batch(records[:10], is_counted=False))

    assert {row.uuid for row in rows(QuarantinedRequest)} == set(newest)
