"""The sender of a callback that came through a proxy."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from app import create_receiver
from models.vocabulary import Refusal
from services.journal.records import Kind
from tests.services.journal.conftest import read_back


@pytest.mark.parametrize(
    ("trusted", "peer"), [((), "10.0.0.1"), ((ip_network("10.0.0.0/8"),), "203.0.113.7")]
)
def test_sender_is_told_by_a_trusted_proxy_alone(receiver_settings, clock, trusted, peer):
    settings = replace(receiver_settings, trusted_proxies=trusted)
    app = create_receiver(settings, now=clock)
    app.test_client().post(
        "/callback?SdkAppid=1",
        headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.7"},
        environ_base={"REMOTE_ADDR": "10.0.0.1"},
    )
    app.extensions["receiver"].close()

    (record,) = (one for one in read_back(settings.journal.folders[0]) if one.kind is Kind.REFUSAL)
    assert record.head["peer"] == peer
    assert record.head["reason"] == Refusal.APP_UNKNOWN
