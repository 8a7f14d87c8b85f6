"""Reading deliveries and the quarantine over HTTP."""

from base64 import b64decode

import pytest

from tests.conftest import APP, KEY, sign, signed
from tests.payloads import channel_created, channel_destroyed, group_destroyed


@pytest.fixture
def four_verdicts(deliver, clock):
    deliver(channel_created())
    clock.move(seconds=1)
    deliver(channel_created())
    clock.move(seconds=1)
    deliver({"CallbackCommand": "State.StateChange"})
    clock.move(seconds=1)
    deliver({"CallbackCommand": "Group.CallbackAfterGroupFull"})


def test_every_delivery_is_listed_with_its_verdict(four_verdicts, read):
    items = read("/deliveries")["items"]

    assert [item["verdict"] for item in items] == ["invalid", "unhandled", "duplicate", "accepted"]
    invalid, unhandled, duplicate, accepted = items
    assert invalid["errors"] == {"GroupId": ["Missing data for required field."]}
    assert (duplicate["duplicate_of"], unhandled["duplicate_of"]) == (accepted["id"], None)
    assert "body" not in accepted
    assert accepted["peer"] == "127.0.0.1"


FILTERS = (
    ({"verdict": "invalid"}, [4]),
    ({"command": "State.StateChange"}, [3]),
    ({"command": "State.StateChange", "verdict": "accepted"}, []),
    ({"sdk_app_id": APP, "order": "asc"}, [1, 2, 3, 4]),
    ({"sdk_app_id": "1"}, []),
    ({"since": "2026-11-21T07:00:01.123456Z"}, [4, 3, 2]),
    ({"until": "2026-11-21T07:00:01.123456Z"}, [1]),
)


def test_filters_combine(four_verdicts, read):
    for query, found in FILTERS:
        assert places(read, read("/deliveries", **query)["items"]) == found, query


def test_value_of_sign_is_shown_nowhere(deliver, client, read, clock):
    right, wrong = signed(clock)["Sign"], sign("another token", 1)
    deliver(group_destroyed())
    deliver({"CallbackCommand": "Group.CallbackAfterGroupFull"})
    deliver(group_destroyed(), query={"Sign": wrong})
    deliver(group_destroyed(), query={"SdkAppid": "1", "Sign": "tooshort"})
    pages = [f"/{name}" for name in ("deliveries", "deliveries/1", "history/1", "quarantine")]
    pages += [f"/{name}" for name in ("history", "export", "export?format=csv", "drift")]
    pages += [f"/console{page}" for page in pages[:2]]
    pages += [f"/console/quarantine{page}" for page in ("", "/1", "/2")]
    pages += [f"/console/{name}" for name in ("", "events", "system", "groups/%40TGS%232J4SZEAEL")]

    for page in pages:
        answer = client.get(page, headers={"Authorization": f"Bearer {KEY}"})
        assert answer.status_code == 200
        for secret in (right, wrong, "tooshort", right[:16], wrong[:16]):
            assert secret not in answer.text, page
    for item in read("/deliveries")["items"] + read("/quarantine")["items"]:
        assert "&Sign=REDACTED&RequestTime=" in item["query_string"]


def test_pages_follow_each_other(four_verdicts, read, read_all):
    assert places(read, read_all("/deliveries", limit=3)) == [4, 3, 2, 1]


def places(read, items):
    """Return the place of each ID in order; a repeat may leave a gap in the IDs of a server."""
    ids = [item["id"] for item in read("/deliveries", order="asc")["items"]]
    return [ids.index(item["id"]) + 1 for item in items]


def test_page_of_large_refused_requests_ends_early_and_the_next_goes_on(deliver, read, read_all):
    for number in range(9):
        deliver(data=b"%d" % number * 200_000, query={"Sign": "0" * 64})

    first, paged = read("/quarantine"), read_all("/quarantine")

    assert len(first["items"]) == 2
    assert [item["body"][0] for item in paged] == list("876543210")


def test_cursor_of_another_address_is_refused(four_verdicts, read):
    cursor = read("/deliveries", limit=1)["next_cursor"]

    read("/history", 400, cursor=cursor)


@pytest.mark.parametrize("query", [{"verdict": "refused"}, {"operator": "x"}, {"order": "none"}])
def test_malformed_filter_is_refused(read, query):
    assert read("/deliveries", 400, **query)["title"] == "Invalid query"


def test_delivery_is_shown_with_its_body(deliver, read):
    deliver(channel_destroyed(), data=b'{"Official_Account": "\xe9\xa2\x91"}')
    deliver(data=b"\xff\x00")

    assert read("/deliveries/1")["body"] == '{"Official_Account": "频"}'
    assert read("/deliveries/2")["body_base64"] == "/wA="
    assert "body" not in read("/deliveries/2")


def test_delivery_that_does_not_exist_is_a_problem(read):
    assert read("/deliveries/7", 404)["status"] == 404


def test_quarantine_lists_refused_requests_with_their_reason(deliver, clock, read):
    deliver(channel_created(), query={"SdkAppid": "1"})
    clock.move(seconds=1)
    deliver(data=b"\xff" * (64 * 1024 + 100), query={"Sign": "wrong"})

    newest, oldest = read("/quarantine")["items"]
    assert (newest["reason"], oldest["reason"]) == ("sign_wrong", "app_unknown")
    assert "CallbackAfterCreate" in oldest["body"]
    assert len(b64decode(newest["body_base64"])) == newest["body_bytes"] == 64 * 1024 + 100
    assert read("/history")["items"] == read("/deliveries")["items"] == []


def test_quarantine_is_paged_and_bounded_in_time(deliver, clock, read, read_all):
    for _ in range(5):
        deliver(channel_created(), query={"SdkAppid": "1"})
        clock.move(seconds=1)

    assert [item["id"] for item in read_all("/quarantine", limit=2)] == [5, 4, 3, 2, 1]
    items = read("/quarantine", since="2026-11-21T07:00:03Z", order="asc")["items"]
    assert [item["id"] for item in items] == [4, 5]
    read("/quarantine", 400, verdict="accepted")
