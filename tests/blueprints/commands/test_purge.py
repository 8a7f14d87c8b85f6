"""Requests that are too old are counted, or deleted at once."""

from datetime import timedelta

import pytest

from models.tables import Delivery, QuarantinedRequest
from tests.conftest import NOW
from tests.payloads import group_created, group_destroyed

MESSAGE = {"CallbackCommand": "C2C.CallbackAfterSendMsg"}


@pytest.fixture(autouse=True)
def _deliveries_are_only_added():
    """Override the rule of all other tests: here deliveries are deleted."""


@pytest.fixture
def stored(post, record, clock):
    """A group with a life, messages and a refused request, from long ago."""
    clock.now = NOW - timedelta(days=3650)
    for body in (group_created(), MESSAGE, MESSAGE, group_destroyed()):
        post(body)
    clock.move(days=1)
    post(group_created(), query={"Sign": "0" * 64})
    record()


def test_dry_run_counts_by_kind_and_deletes_nothing(stored, run_command, rows, monkeypatch):
    monkeypatch.setenv("RETENTION_DAYS", "30")

    done = run_command("purge", "--dry-run")

    assert done.stdout.splitlines() == [
        "accepted: 2 requests from 2016-11-23T07:00:00.123456Z to 2016-11-23T07:00:00.123456Z",
        "unhandled: 2 requests from 2016-11-23T07:00:00.123456Z to 2016-11-23T07:00:00.123456Z",
        "refused: 1 request from 2016-11-24T07:00:00.123456Z to 2016-11-24T07:00:00.123456Z",
        "5 requests would be purged, except what the state of a channel or group rests on.",
    ]
    assert len(rows(Delivery)) == 4


def test_purge_deletes_at_once(stored, run_command, rows, monkeypatch):
    monkeypatch.setenv("RETENTION_UNHANDLED_DAYS", "30")
    assert "unhandled: 2 requests" in run_command("purge", "--dry-run").stdout
    assert run_command("purge").stdout == "Purged 2 requests.\n"
    assert [row.verdict for row in rows(Delivery)] == ["accepted"] * 2

    monkeypatch.setenv("RETENTION_DAYS", "30")
    assert run_command("purge").stdout == "Purged 3 requests.\n"
    assert rows(Delivery) == rows(QuarantinedRequest) == []
    assert run_command("purge", "--dry-run").stdout.startswith("0 requests would be purged")


def test_purge_without_a_limit_is_refused(run_command):
    done = run_command("purge")

    assert done.exit_code != 0
    assert "neither RETENTION_DAYS nor RETENTION_UNHANDLED_DAYS is set" in done.stderr
