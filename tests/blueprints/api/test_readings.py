"""Readings are kept, and can be queried."""

import pytest

from blueprints.proxies import REQUEST_ID
from tests.conftest import KEY, OTHER_KEY
from tests.payloads import group_created

GROUP = "/groups/%40TGS%232J4SZEAEL"


@pytest.fixture
def read_as(client):
    """Get an address with a key, whatever the answer."""

    def read_as(address, key=KEY, **options):
        headers = {"Authorization": f"Bearer {key}"}
        return client.get(address, headers=headers, **options)

    return read_as


@pytest.fixture
def ask(read, record_readings):
    """Fetch the readings so far."""

    def ask(**filters):
        record_readings()
        return read("/readings", **filters)["items"]

    return ask


def test_reading_is_kept_with_all_that_is_asked_later(deliver, read_as, ask, clock):
    deliver(group_created())

    read_as(f"{GROUP}?at=2026-11-21T08:00:00Z", environ_overrides={REQUEST_ID: "an-id"})

    [reading] = ask()
    assert reading == {
        "id": 1,
        "received_at": clock.now.isoformat().replace("+00:00", "Z"),
        "holder": "tests",
        "sign_in": "key",
        "address": f"{GROUP}?at=2026-11-21T08:00:00Z",
        "subject_id": "@TGS#2J4SZEAEL",
        "user_id": None,
        "status": 200,
        "peer": "127.0.0.1",
        "request_id": "an-id",
    }


@pytest.mark.any_engine
@pytest.mark.parametrize(
    ("address", "subject", "users"),
    [
        ("/history", None, [None]),
        ("/history/1", "@TGS#2J4SZEAEL", [None]),
        ("/deliveries/1", "@TGS#2J4SZEAEL", [None]),
        ("/console/deliveries/1", "@TGS#2J4SZEAEL", [None]),
        ("/console/deliveries/1/body", "@TGS#2J4SZEAEL", [None]),
        (f"{GROUP}/versions", "@TGS#2J4SZEAEL", [None]),
        (f"/console{GROUP}?member=bob", "@TGS#2J4SZEAEL", ["bob"]),
        ("/console/users/b%2Fc", None, ["b/c"]),
        ("/console/export/users/bob?format=csv", None, ["bob"]),
        (
            "/export?subject_id=%40TGS%23a&member=bob&owner=eve&operator=bob",
            "@TGS#a",
            ["bob", "eve"],
        ),
        ("/channels/x", "x", [None]),
        ("/channels/%ED%A0%80", "\ud800", [None]),
        (f"/channels/{'x' * 256}", None, [None]),
        ("/history?limit=x&member=bob", None, ["bob"]),
        ("/search?q=bob", None, [None]),
    ],
)
def test_reading_says_whom_it_is_about(deliver, read_as, ask, address, subject, users):
    deliver(group_created())

    read_as(address, environ_overrides={"RAW_URI": address}).close()

    kept = ask()
    assert {one["subject_id"] for one in kept} == {subject}
    assert sorted(one["user_id"] or "" for one in kept) == [one or "" for one in users]
    assert len({one["request_id"] for one in kept}) == 1


def test_what_is_refused_is_kept_and_what_nobody_opened_is_not(client, read_as, ask, settings):
    narrow = settings.api_keys[1].__class__("tests", KEY, frozenset({"ops"}))
    object.__setattr__(settings, "api_keys", (narrow,))
    read_as("/history?member=bob")
    client.get("/history?member=eve")
    read_as("/readyz")
    read_as("/metrics")

    assert [(one["user_id"], one["status"]) for one in ask()] == [("bob", 403)]


def test_readings_are_found_by_holder_subject_and_user(read_as, ask):
    read_as(GROUP)
    read_as(GROUP, OTHER_KEY)
    read_as("/history?member=bob", OTHER_KEY)

    found = {
        name: [one["id"] for one in ask(**{name: value})]
        for name, value in {
            "holder": "other",
            "subject_id": "@TGS#2J4SZEAEL",
            "user_id": "bob",
        }.items()
    }
    assert found["holder"] == [3, 2]
    assert [one for one in found["subject_id"] if one < 4] == [2, 1]
    assert [one for one in found["user_id"] if one < 4] == [3]


def test_session_and_who_signed_in_to_it_are_told_apart_from_a_key(client, ask):
    client.post("/console/sign-in", data={"key": KEY})
    client.get(f"/console{GROUP}")

    assert [(one["holder"], one["sign_in"]) for one in ask()] == [("tests", "session")]


def test_reading_that_no_disk_takes_holds_nobody_up(app, read_as, caplog, tmp_path):
    (tmp_path / "readings").write_text("in the way")

    assert read_as("/history").status_code == 200
    assert "tests reads '/history', and no folder of READING_JOURNAL_DIR took it" in caplog.text
    assert "chat_lifecycle_log_lost_readings_total{" in read_as("/metrics").text
    assert app.extensions["runtime"].readings.lost == 1


def test_no_key_is_kept(read_as, record_readings, journal_of_readings):
    read_as("/history")

    [segment] = [*journal_of_readings[0].glob("*.open")]
    assert KEY.encode() not in segment.read_bytes()
