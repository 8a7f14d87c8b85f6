"""Refused requests: the answers, and what is stored."""

import json
from io import BytesIO

import gevent
import pytest
from flask import request_started

from blueprints.door import MAX_STRANGER_BODY_BYTES
from models.tables import Delivery, QuarantinedRequest
from models.vocabulary import Measure, Refusal
from services.journal.folder import list_waiting
from services.receiving.budget import Budget
from tests.conftest import APP, NEW_TOKEN, NOW, OLD_TOKEN, OPEN_APP, ROTATING_APP, signed
from tests.payloads import channel_created

MAX_BODY_BYTES = 512 * 1024
TOO_LARGE = b" " * (MAX_BODY_BYTES + 1)
STRANGER = {"SdkAppid": "1"}
FORGED = {"Sign": "0" * 64}

pytestmark = pytest.mark.any_engine  # others test that all store refusals alike


def outcome(answer):
    reply = answer.get_json()
    assert list(reply) == ["ActionStatus", "ErrorInfo", "ErrorCode"]
    assert answer.content_type == "application/json"
    return answer.status_code, reply["ActionStatus"], reply["ErrorCode"]


def is_quarantined(rows, reason):
    (kept,) = rows(QuarantinedRequest)
    return kept.reason == reason and rows(Delivery) == []


@pytest.mark.parametrize(
    ("sdk_app_id", "reason"),
    [
        (None, Refusal.APP_MISSING),
        ([APP, APP], Refusal.APP_MISSING),
        ([APP, "1"], Refusal.APP_MISSING),
        ("1", Refusal.APP_UNKNOWN),
        ("", Refusal.APP_UNKNOWN),
        (f"0{APP}", Refusal.APP_UNKNOWN),
        (f"{APP} ", Refusal.APP_UNKNOWN),
        ("\u0668" * 6, Refusal.APP_UNKNOWN),
    ],
)
def test_foreign_app_is_refused_and_quarantined(deliver, rows, sdk_app_id, reason):
    answer = deliver(channel_created(), query={"SdkAppid": sdk_app_id})

    assert outcome(answer) == (403, "FAIL", 40301)
    assert is_quarantined(rows, reason)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"Sign": None}, Refusal.SIGN_MISSING),
        ({"RequestTime": None}, Refusal.SIGN_MISSING),
        ({"Sign": ["a", "b"]}, Refusal.SIGN_MISSING),
        ({"Sign": ""}, Refusal.SIGN_WRONG),
        ({"Sign": "0" * 64}, Refusal.SIGN_WRONG),
        ({"Sign": "\u20ac" * 64}, Refusal.SIGN_WRONG),
        ({"RequestTime": "1"}, Refusal.SIGN_WRONG),
    ],
)
def test_unsigned_callback_is_refused_with_one_text_for_all_reasons(deliver, rows, query, reason):
    answer = deliver(channel_created(), query=query)

    assert outcome(answer) == (403, "FAIL", 40302)
    assert answer.get_json()["ErrorInfo"] == "Sign or RequestTime is missing, wrong or expired"
    assert is_quarantined(rows, reason)


def test_what_is_refused_costs_nothing_of_flask(post, receiver):
    passed = []

    def note(*_, **__):
        passed.append(1)

    with request_started.connected_to(note, receiver):
        for query, data in ((STRANGER, b"{}"), (FORGED, b"{}"), ({}, TOO_LARGE)):
            assert post(data=data, query=query).status_code in (403, 413)
        assert passed == []
        assert post(channel_created()).status_code == 200
        assert passed == [1]


@pytest.mark.parametrize(("seconds", "status"), [(-60, 200), (60, 200), (-61, 403), (61, 403)])
def test_request_time_counts_within_the_tolerance(post, clock, seconds, status):
    clock.now = clock.now.replace(microsecond=0)
    signature = signed(clock)
    clock.move(seconds=seconds)

    assert post(channel_created(), query=signature).status_code == status


@pytest.mark.parametrize("token", [OLD_TOKEN, NEW_TOKEN])
def test_either_token_signs_while_they_rotate(post, clock, token):
    query = {"SdkAppid": ROTATING_APP, **signed(clock, token)}

    assert post(channel_created(), query=query).status_code == 200


def test_token_of_another_app_does_not_sign(post, clock):
    assert post(channel_created(), query=signed(clock, OLD_TOKEN)).status_code == 403


def test_app_without_token_needs_no_signature(post):
    query = {"SdkAppid": OPEN_APP, "Sign": None, "RequestTime": None}

    assert post(channel_created(), query=query).status_code == 200


@pytest.mark.parametrize(
    ("query", "data", "expected"),
    [
        (STRANGER | FORGED, TOO_LARGE, 41301),
        (STRANGER | FORGED, b"not json", 40301),
        (FORGED, b"not json", 40302),
        ({"CallbackCommand": ["a", "b"]}, b"not json", 40001),
        ({"CallbackCommand": ["a", "b"]}, b"{}", 40003),
    ],
    ids=["declared size", "app", "signature", "json", "command"],
)
def test_checks_have_an_order(post, query, data, expected):
    assert post(data=data, query=query).get_json()["ErrorCode"] == expected


def post_in_chunks(receiver, clock, data, **query):
    """Post without Content-Length, like a server that reads chunks."""
    return receiver.test_client().post(
        "/callback",
        query_string={"SdkAppid": APP, **signed(clock), **query},
        input_stream=BytesIO(data),
        environ_overrides={"wsgi.input_terminated": True},
    )


def test_body_declared_too_large_is_refused_without_being_read(deliver, rows):
    answer = deliver(channel_created(), data=TOO_LARGE)

    assert outcome(answer) == (413, "FAIL", 41301)
    (kept,) = rows(QuarantinedRequest)
    assert (kept.reason, kept.sdk_app_id) == (Refusal.BODY_TOO_LARGE, APP)
    assert (kept.body, kept.body_bytes) == (b"", None)


def test_body_that_turns_out_too_large_is_refused_without_it(receiver, record, clock, rows):
    answer = post_in_chunks(receiver, clock, TOO_LARGE)
    record()

    assert outcome(answer) == (413, "FAIL", 41301)
    (kept,) = rows(QuarantinedRequest)
    assert (kept.reason, kept.body, kept.body_bytes) == (Refusal.BODY_TOO_LARGE, b"", None)


def test_body_of_exactly_the_largest_size_is_taken(post, receiver, clock):
    raw = json.dumps(channel_created()).encode().ljust(MAX_BODY_BYTES)

    assert post(channel_created(), data=raw).status_code == 200
    assert post_in_chunks(receiver, clock, raw).status_code == 200


@pytest.mark.parametrize("size", [MAX_STRANGER_BODY_BYTES, MAX_STRANGER_BODY_BYTES + 1, 200_000])
def test_of_a_stranger_the_beginning_of_the_body_is_stored(deliver, rows, size):
    data = b"abc" * size

    deliver(data=data[:size], query=STRANGER)

    (kept,) = rows(QuarantinedRequest)
    assert kept.body == data[: min(size, MAX_STRANGER_BODY_BYTES)]
    assert (kept.body_bytes, kept.sdk_app_id, kept.sender) == (size, None, "127.0.0.1")


def test_of_an_app_of_ours_all_of_the_body_is_stored(deliver, rows):
    deliver(data=b"x" * 200_000, query=FORGED)

    (kept,) = rows(QuarantinedRequest)
    assert kept.body == b"x" * 200_000
    assert (kept.body_bytes, kept.sdk_app_id, kept.sender) == (200_000, APP, APP)
    assert (kept.received_at, kept.peer) == (NOW, "127.0.0.1")
    assert kept.query_string.startswith("SdkAppid=888888&contenttype=json")


@pytest.fixture
def post_to(receiver, record):
    """Post to a path as a server passes it on; a client would remove slashes."""

    def post_to(path, method="POST", **query):
        answer = receiver.test_client().open(
            method=method,
            query_string=query,
            json=channel_created(),
            environ_overrides={"PATH_INFO": path},
        )
        record()
        return answer

    return post_to


@pytest.mark.parametrize(
    "path", ["", "/", "/callback", "/callback/", "//callback", "/CallBack", "//", "/callback//"]
)
def test_address_may_be_spelled_in_other_ways(post_to, rows, clock, path):
    assert post_to(path, SdkAppid=APP, **signed(clock)).status_code == 200

    assert len(rows(Delivery)) == 1


@pytest.mark.parametrize(
    "path",
    [
        *("/call", "/callback/x", "/callbacks", "/healthz", "/a/b", "/x//", "/cal/lback", "/ä"),
        *(
            "/callback.",
            "/callback/.",
            "/./callback",
            "/x/../callback",
            "/callback;x",
            "/callback ",
        ),
        *("/im/callback", "/api/Callback", "/call\nback", "*", "/callback\0", "/console/callback"),
    ],
)
def test_callback_at_another_address_is_quarantined(post_to, rows, clock, path):
    answer = post_to(path, SdkAppid=APP, **signed(clock))

    assert outcome(answer) == (404, "FAIL", 40401)
    assert is_quarantined(rows, Refusal.WRONG_ADDRESS)
    (kept,) = rows(QuarantinedRequest)
    assert json.loads(kept.body) == channel_created()
    assert kept.sdk_app_id == APP


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "FOO"])
@pytest.mark.parametrize(
    ("path", "status"), [("/callback", 405), ("/", 405), ("/im/callback", 404)]
)
def test_callback_by_another_method_is_quarantined(post_to, rows, clock, method, path, status):
    answer = post_to(path, method, SdkAppid=APP, **signed(clock))

    assert outcome(answer) == (status, "FAIL", status * 100 + 1)
    assert is_quarantined(rows, Refusal.WRONG_ADDRESS)


def test_query_string_at_another_address_may_be_of_any_bytes(receiver):
    """A server may pass on bytes that are not UTF-8."""
    answer = receiver.test_client().post(
        "/x", environ_overrides={"QUERY_STRING": "SdkAppid=\xff&CallbackCommand"}
    )

    assert outcome(answer) == (404, "FAIL", 40401)


def test_request_that_has_nothing_of_a_callback_is_not_stored(post_to, rows):
    answer = post_to("/login", user="admin")

    assert outcome(answer) == (404, "FAIL", 40401)
    assert rows(QuarantinedRequest) == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "FOO"])
@pytest.mark.parametrize("address", ["/callback", "/", "/callback/"])
def test_other_method_is_refused_in_tencents_shape(receiver, method, address):
    answer = receiver.test_client().open(address, method=method)

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    if method != "HEAD":
        assert outcome(answer) == (405, "FAIL", 40501)


class Trickle(BytesIO):
    """A body that never arrives."""

    def read(self, size=-1):
        gevent.sleep(3600)


def test_body_that_does_not_come_is_given_up(receiver, clock, journal):
    answer = receiver.test_client().post(
        "/callback",
        query_string={"SdkAppid": APP, **signed(clock)},
        input_stream=Trickle(),
        environ_overrides={"CONTENT_LENGTH": "10"},
    )

    assert outcome(answer) == (408, "FAIL", 40801)
    assert not list_waiting(journal.folders[0])


def test_body_that_breaks_off_is_not_stored(receiver, clock, journal):
    answer = receiver.test_client().post(
        "/callback",
        query_string={"SdkAppid": APP, **signed(clock)},
        input_stream=BytesIO(b"{"),
        environ_overrides={"CONTENT_LENGTH": "10"},
    )

    assert outcome(answer) == (400, "FAIL", 40001)
    assert not list_waiting(journal.folders[0])


@pytest.mark.parametrize(
    ("query", "app", "reason", "size"),
    [
        ({"SdkAppid": "1"}, "", Refusal.APP_UNKNOWN, 0),
        ({"SdkAppid": "1"}, "", Refusal.APP_UNKNOWN, 50_000),
        ({"SdkAppid": "1", "long": "\u00ff" * 1000}, "", Refusal.APP_UNKNOWN, 0),
        ({"Sign": "x"}, APP, Refusal.SIGN_WRONG, 500_000),
    ],
    ids=["small", "large", "long query", "of our app"],
)
def test_flood_stays_within_its_budget_and_all_of_it_is_counted(
    post, receiver, recorder, journal, rows, counted, query, app, reason, size
):
    here = receiver.extensions["receiver"]
    budget = Budget(burst_bytes=60_000 + size, bytes_per_second=0)
    here.refusals.budgets = dict.fromkeys(here.refusals.budgets, budget)

    for _ in range(200):
        post(data=b"x" * size, query=query)
    here.refusals.write()
    stored = bytes_in(journal)
    here.write_tally()
    recorder.record_available()

    assert 0 < stored <= 60_000 + size
    assert len(rows(QuarantinedRequest)) < 200
    assert counted(Measure.REFUSED) == {(app, reason): 200}


def bytes_in(journal):
    return sum(file.path.stat().st_size for file in list_waiting(journal.folders[0]))
