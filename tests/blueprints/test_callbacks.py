"""The contract's table of cases, on every engine."""

import json
from threading import Barrier, Thread

import pytest
import sqlalchemy as sa

from models import Delivery, LifecycleEvent, QuarantinedRequest
from models.vocabulary import Refusal, Verdict
from schemas.registry import LIFECYCLE_SCHEMAS
from schemas.wire import MAX_FAULTS
from tests.conftest import APP, NEW_TOKEN, NOW, OLD_TOKEN, OPEN_APP, ROTATING_APP, signed
from tests.payloads import (
    GROUPS,
    SAMPLES,
    channel_created,
    channel_destroyed,
    group_created,
    group_destroyed,
    topic_changed,
)

OK = {"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0}


def deliveries(session):
    return session.scalars(sa.select(Delivery).order_by(Delivery.id)).all()


def count(session, model):
    return session.scalar(sa.select(sa.func.count()).select_from(model))


@pytest.mark.parametrize("body", SAMPLES, ids=lambda body: body["CallbackCommand"])
def test_documented_callback_is_acknowledged_and_kept_byte_for_byte(deliver, session, body):
    raw = json.dumps(body, indent=1).encode()

    answer = deliver(body, data=raw)

    assert (answer.status_code, answer.get_json()) == (200, OK)
    assert answer.content_type == "application/json"
    (kept,) = deliveries(session)
    handled = body["CallbackCommand"] in LIFECYCLE_SCHEMAS
    assert kept.verdict == (Verdict.ACCEPTED if handled else Verdict.UNHANDLED)
    assert (kept.body, kept.command) == (raw, body["CallbackCommand"])
    assert (kept.received_at, kept.sdk_app_id, kept.peer) == (NOW, APP, "127.0.0.1")
    assert kept.query_string.startswith("SdkAppid=888888&CallbackCommand=")
    assert count(session, LifecycleEvent) == handled


def test_callback_is_received_at_the_root_as_well(deliver, session):
    assert deliver(channel_created(), address="/").get_json() == OK

    assert count(session, LifecycleEvent) == 1


def test_acknowledgement_is_tencents_sample_to_the_letter(deliver):
    answer = deliver(channel_created()).text.strip()

    assert answer == '{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}'


def test_callback_delivered_twice_makes_one_event_and_a_linked_duplicate(deliver, session, clock):
    deliver(group_created())
    clock.move(hours=3)
    again = {name: group_created()[name] for name in reversed(group_created())}
    assert deliver(again | {"EventTime": 1670574414123}).get_json() == OK

    first, second = deliveries(session)
    assert count(session, LifecycleEvent) == 1
    assert (first.verdict, second.verdict) == (Verdict.ACCEPTED, Verdict.DUPLICATE)
    assert second.duplicate_of == first.id


@pytest.mark.parametrize(
    "change",
    [
        {"data": json.dumps(group_created(Name="Other")).encode()},
        {"data": json.dumps(group_created(EventTime=1670574414124)).encode()},
        {"data": json.dumps(group_created() | {"Unheard": None}).encode()},
        {"query": {"SdkAppid": OPEN_APP}},
    ],
    ids=["name", "time", "unknown field", "app"],
)
def test_callback_that_differs_is_another_event(deliver, session, change):
    deliver(group_created())
    deliver(group_created(), **change)

    assert count(session, LifecycleEvent) == 2


def test_equal_callbacks_without_time_are_one_event_for_sixty_seconds(deliver, session, clock):
    deliver(topic_changed())
    clock.move(seconds=60)
    deliver(topic_changed())
    clock.move(microseconds=1)
    deliver(topic_changed())

    found = deliveries(session)
    assert [row.verdict for row in found] == ["accepted", "duplicate", "accepted"]
    assert found[1].duplicate_of == found[0].id


def test_equal_callbacks_without_time_are_told_by_their_own_window(deliver, session, clock):
    deliver(topic_changed())
    clock.move(seconds=90)
    deliver(topic_changed())
    clock.move(seconds=-120)  # an old one that arrives late
    deliver(topic_changed())

    found = deliveries(session)
    assert [row.duplicate_of for row in found] == [None, None, found[0].id]


@pytest.mark.parametrize("body", [group_created(), topic_changed()], ids=["time", "no time"])
def test_concurrent_deliveries_of_one_callback_make_one_event(app, session, clock, body):
    barrier, statuses = Barrier(8), []

    def post():
        query = {"SdkAppid": APP, **signed(clock)}
        with app.test_client() as client:
            barrier.wait()
            answer = client.post("/callback", query_string=query, json=body)
            statuses.append(answer.status_code)

    threads = [Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [200] * 8
    found = deliveries(session)
    (first,) = [row for row in found if row.verdict == Verdict.ACCEPTED]
    assert [row.duplicate_of for row in found if row is not first] == [first.id] * 7
    assert count(session, LifecycleEvent) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"CallbackCommand": "C2C.CallbackBeforeSendMsg", "MsgBody": []},
        {"CallbackCommand": "Never.HeardOf", "😀": [1.5, None, {"a": "\ud800"}]},
        {"CallbackCommand": "group.callbackaftergroupdestroyed"},
    ],
    ids=["before-command", "unknown", "other case"],
)
def test_other_command_is_allowed_and_kept(deliver, session, body):
    assert deliver(body).get_json() == OK

    (kept,) = deliveries(session)
    assert (kept.verdict, kept.command) == (Verdict.UNHANDLED, body["CallbackCommand"])


def test_command_may_stand_in_the_query_string_alone(deliver, session):
    body = channel_destroyed()
    del body["CallbackCommand"]
    query = {"CallbackCommand": "OfficialAccount.CallbackAfterOfficialAccountDestroyed"}

    assert deliver(data=json.dumps(body).encode(), query=query).get_json() == OK

    assert count(session, LifecycleEvent) == 1


def test_command_may_stand_in_the_body_alone(deliver, session):
    assert deliver(channel_destroyed(), query={"CallbackCommand": None}).get_json() == OK

    assert count(session, LifecycleEvent) == 1


@pytest.mark.parametrize(
    ("data", "code", "info"),
    [
        (b"", 40001, "body: Not JSON"),
        (b"not json", 40001, "body: Not JSON"),
        (b'{"GroupId": NaN}', 40001, "body: Not JSON: NaN"),
        (b"\xff\xfe{", 40001, "body: Not UTF-8"),
        ('{"GroupId":"x"}'.encode("utf-16"), 40001, "body: Not UTF-8"),
        (b'{"GroupId":"a","GroupId":"b"}', 40001, "body: Key 'GroupId' appears twice"),
        (b"[" * 100_000, 40001, "body: Nested"),
        (b'{"GroupId":"a","x":' + b"[" * 70 + b"]" * 70 + b"}", 40001, "body: Nested"),
        (b'{"GroupId":"a","x":' + b"7" * 5000 + b"}", 40001, "body: A number"),
        (b'{"GroupId":"a","x":1e400}', 40001, "body: Number out of range"),
        (b"[]", 40002, "body: Not a JSON object"),
        (b"null", 40002, "body: Not a JSON object"),
        (b'{"CallbackCommand":"Group.Other","GroupId":"a"}', 40003, "CallbackCommand: Query"),
        (b'{"CallbackCommand":7,"GroupId":"a"}', 40003, "CallbackCommand: Not a valid string"),
        (b"{}", 40004, "GroupId: Missing data"),
        (b'{"GroupId":""}', 40004, "GroupId: Shorter"),
        (b'{"GroupId":null}', 40004, "GroupId: "),
        (b'{"GroupId":12}', 40004, "GroupId: Not a valid string"),
        (b'{"GroupId":"%s"}' % (b"x" * 256), 40004, "GroupId: Longer"),
        (b'{"GroupId":"a","Name":["x"]}', 40004, "Name: Not a valid string"),
        (b'{"GroupId":"a","EventTime":"soon"}', 40004, "EventTime: Not a valid integer"),
        (b'{"GroupId":"a","EventTime":253402300800000}', 40004, "EventTime: Later"),
        (b'{"GroupId":"a","MemberList":{}}', 40004, "MemberList: Not a valid list"),
        (b'{"GroupId":"a","MemberList":[{}]}', 40004, "MemberList.0: Not an object with"),
        (b'{"GroupId":"a","MemberList":[{"Member_Account":1}]}', 40004, "MemberList.0: Not a"),
    ],
)
def test_invalid_callback_is_refused_by_name_and_keeps_its_exact_bytes(
    deliver, session, data, code, info
):
    query = {"CallbackCommand": "Group.CallbackAfterGroupDestroyed"}

    answer = deliver(data=data, query=query)

    reply = answer.get_json()
    assert (answer.status_code, reply["ActionStatus"], reply["ErrorCode"]) == (400, "FAIL", code)
    assert reply["ErrorInfo"].startswith(info)
    (kept,) = deliveries(session)
    assert (kept.verdict, kept.body) == (Verdict.INVALID, data)
    assert kept.errors
    assert count(session, LifecycleEvent) == 0


def test_callback_without_any_command_is_invalid(deliver, session):
    answer = deliver(data=b'{"GroupId":"a"}')

    assert answer.get_json()["ErrorCode"] == 40003
    assert deliveries(session)[0].command is None


def test_callback_with_two_commands_in_its_query_string_is_invalid(deliver):
    twice = {"CallbackCommand": [group_destroyed()["CallbackCommand"], "Group.Other"]}

    assert deliver(group_destroyed(), query=twice).get_json()["ErrorCode"] == 40003


def test_error_info_stays_short_while_the_delivery_keeps_more(deliver, session):
    answer = deliver(group_destroyed(MemberList=[1] * 1000))

    assert len(answer.get_json()["ErrorInfo"]) <= 500
    assert len(deliveries(session)[0].errors["MemberList"]) == MAX_FAULTS


def is_quarantined(session, reason):
    (kept,) = session.scalars(sa.select(QuarantinedRequest)).all()
    return kept.reason == reason and count(session, Delivery) == 0


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
def test_foreign_app_is_refused_and_quarantined(deliver, session, sdk_app_id, reason):
    answer = deliver(channel_created(), query={"SdkAppid": sdk_app_id})

    assert (answer.status_code, answer.get_json()["ErrorCode"]) == (403, 40301)
    assert is_quarantined(session, reason)


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
def test_unsigned_callback_is_refused_with_one_text_for_all_reasons(
    deliver, session, query, reason
):
    answer = deliver(channel_created(), query=query)

    reply = answer.get_json()
    assert (answer.status_code, reply["ErrorCode"]) == (403, 40302)
    assert reply["ErrorInfo"] == "Sign or RequestTime is missing, wrong or expired"
    assert is_quarantined(session, reason)


@pytest.mark.parametrize(("seconds", "status"), [(-60, 200), (60, 200), (-61, 403), (61, 403)])
def test_request_time_counts_within_the_tolerance(deliver, clock, seconds, status):
    clock.now = clock.now.replace(microsecond=0)
    signature = signed(clock)
    clock.move(seconds=seconds)

    assert deliver(channel_created(), query=signature).status_code == status


@pytest.mark.parametrize("token", [OLD_TOKEN, NEW_TOKEN])
def test_either_token_signs_while_they_rotate(deliver, clock, token):
    query = {"SdkAppid": ROTATING_APP, **signed(clock, token)}

    assert deliver(channel_created(), query=query).status_code == 200


def test_token_of_another_app_does_not_sign(deliver, clock):
    assert deliver(channel_created(), query=signed(clock, OLD_TOKEN)).status_code == 403


def test_app_without_token_needs_no_signature(deliver):
    query = {"SdkAppid": OPEN_APP, "Sign": None, "RequestTime": None}

    assert deliver(channel_created(), query=query).status_code == 200


def test_body_too_large_is_refused_and_quarantined_without_it(deliver, session):
    answer = deliver(channel_created(), data=b" " * (512 * 1024 + 1))

    assert (answer.status_code, answer.get_json()["ErrorCode"]) == (413, 41301)
    (kept,) = session.scalars(sa.select(QuarantinedRequest)).all()
    assert (kept.reason, kept.body, kept.body_bytes) == (Refusal.BODY_TOO_LARGE, b"", None)


def test_body_of_exactly_the_largest_size_is_taken(deliver):
    raw = json.dumps(channel_created()).encode()

    assert deliver(channel_created(), data=raw.ljust(512 * 1024)).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "FOO"])
def test_other_method_is_refused_in_tencents_shape(client, method):
    answer = client.open("/callback", method=method)

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    if method != "HEAD":
        assert answer.get_json()["ErrorCode"] == 40501


@pytest.mark.spooling
def test_callback_that_cannot_be_stored_whole_waits_in_the_spool(deliver, session, app, settings):
    with app.extensions["runtime"].database.writes.begin() as broken:
        broken.execute(sa.text("ALTER TABLE event_members RENAME TO somewhere_else"))

    assert deliver(group_destroyed()).status_code == 200

    assert count(session, Delivery) == 0
    assert list(settings.spool_dir.glob("*.spool"))


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_content_type_makes_no_difference(deliver, content_type):
    headers = {"Content-Type": content_type} if content_type else None

    assert deliver(channel_created(), headers=headers).status_code == 200


def test_group_of_six_thousand_members_is_kept_whole(deliver, read):
    members = [{"Member_Account": f"a-user-with-a-rather-long-name-{n:05}"} for n in range(6000)]
    raw = json.dumps(group_destroyed(MemberList=members)).encode()
    assert len(raw) > 320_000

    assert deliver(group_destroyed(), data=raw).status_code == 200

    (event,) = read("/history", member=members[3000]["Member_Account"])["items"]
    assert event["members"] == [member["Member_Account"] for member in members]


@pytest.mark.parametrize("command", [sample["CallbackCommand"] for sample in GROUPS])
def test_extra_query_parameters_are_kept(deliver, session, command):
    query = {"RequestID": "0a1b", "OptPlatform": "iPad", "New": "x y"}

    deliver({"CallbackCommand": command, "GroupId": "g"}, query=query)

    assert "RequestID=0a1b&New=x+y" in deliveries(session)[0].query_string
