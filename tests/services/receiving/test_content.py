"""The content of unhandled callbacks need not be kept anywhere."""

from dataclasses import replace

import pytest

from app import create_receiver
from models.tables import Delivery
from services.journal.records import Kind
from tests.payloads import group_created
from tests.services.journal.conftest import read_back

MESSAGE = {"CallbackCommand": "C2C.CallbackAfterSendMsg", "MsgBody": [{"Text": "see you at ten"}]}
CLIENT = {"ClientIP": "203.0.113.9", "OptPlatform": "iOS"}


@pytest.fixture
def receiver(receiver_settings, clock):
    app = create_receiver(replace(receiver_settings, unhandled_bodies=False), now=clock)
    yield app
    app.extensions["receiver"].close()


def test_neither_journal_nor_table_has_what_an_unhandled_callback_says(
    post, record, journal, rows, clock, read
):
    assert post(MESSAGE, query=CLIENT).status_code == 200
    (waiting,) = journal.folders[0].glob("*.open")
    written = waiting.read_bytes()
    record()

    assert b"C2C.CallbackAfterSendMsg" in written
    for secret in (b"see you", b"203.0.113.9", b"iOS", b"MsgBody"):
        assert secret not in written
    (stored,) = rows(Delivery)
    assert (stored.body, stored.query_string) == (b"", "")
    assert (stored.verdict, stored.command) == ("unhandled", "C2C.CallbackAfterSendMsg")
    assert (stored.received_at, stored.peer) == (clock(), "127.0.0.1")
    shown = read(f"/deliveries/{stored.id}")
    assert shown["unstored_bytes"] > 60
    assert shown["body"] == ""


@pytest.mark.parametrize(
    "body", [group_created(), {"CallbackCommand": "Group.CallbackAfterNewMemberJoin"}]
)
def test_lifecycle_callback_is_kept_whole(post, journal, body):
    post(body, query=CLIENT)

    (record,) = (one for one in read_back(journal.folders[0]) if one.kind is Kind.CALLBACK)
    assert body["CallbackCommand"].encode() in record.body
    assert "203.0.113.9" in record.head["query_string"]
    assert "unstored_bytes" not in record.head
