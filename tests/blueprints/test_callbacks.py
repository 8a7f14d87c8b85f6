"""The cases of the table in docs/api.md."""

import json
from collections import defaultdict
from datetime import timedelta

import pytest

from models.clock import EPOCH
from models.tables import Delivery, EventMember, LifecycleEvent, QuarantinedRequest
from models.vocabulary import Measure, Refusal, Verdict
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from schemas.tencent.wire import MAX_FAULTS
from services.journal.folder import list_waiting
from tests.captures import CAPTURES, STATUSES
from tests.conftest import APP, NOW, signed
from tests.payloads import (
    GROUPS,
    SAMPLES,
    channel_created,
    channel_destroyed,
    group_created,
    group_destroyed,
)

OK = {"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0}


@pytest.mark.any_engine
@pytest.mark.parametrize("body", SAMPLES, ids=lambda body: body["CallbackCommand"])
def test_documented_callback_is_acknowledged_and_kept_byte_for_byte(deliver, rows, body):
    raw = json.dumps(body, indent=1).encode()

    answer = deliver(body, data=raw)

    assert (answer.status_code, answer.get_json()) == (200, OK)
    assert answer.content_type == "application/json"
    (kept,) = rows(Delivery)
    handled = body["CallbackCommand"] in LIFECYCLE_SCHEMAS
    assert kept.verdict == (Verdict.ACCEPTED if handled else Verdict.UNHANDLED)
    assert (kept.body, kept.command) == (raw, body["CallbackCommand"])
    assert (kept.received_at, kept.sdk_app_id, kept.peer) == (NOW, APP, "127.0.0.1")
    assert kept.query_string.startswith("SdkAppid=888888&CallbackCommand=")
    assert len(rows(LifecycleEvent)) == handled


def test_body_of_real_traffic_gets_its_verdict_and_becomes_its_event(receiver, record, rows, clock):
    client = receiver.test_client()
    queries = [one.to_query_string(APP, signed(clock)) for one in CAPTURES]
    for one, query in zip(CAPTURES, queries, strict=True):
        answer = client.post(f"/callback?{query}", data=one.body)
        assert answer.status_code == STATUSES[one.verdict], one.label
    record()

    assert [(one.query_string, one.body, one.verdict) for one in rows(Delivery)] == [
        (query, one.body, one.verdict)
        for one, query in zip(CAPTURES, queries, strict=True)
        if query
    ]
    (foreign,) = [one.body for one in CAPTURES if one.query is None]
    assert [(one.reason, one.body) for one in rows(QuarantinedRequest)] == [
        (Refusal.APP_MISSING, foreign)
    ]
    members = defaultdict(list)
    for one in sorted(rows(EventMember), key=lambda one: one.position):
        members[one.event_id].append(one.user_id)
    assert [
        (one.subject_type, one.subject_id, one.action, one.operator, tuple(members[one.id]))
        for one in rows(LifecycleEvent)
    ] == [one.event for one in CAPTURES if one.event]


def test_callback_is_received_at_the_root_as_well(deliver, rows):
    assert deliver(channel_created(), address="/").get_json() == OK

    assert len(rows(LifecycleEvent)) == 1


def test_acknowledgement_is_tencents_sample_to_the_letter(deliver):
    answer = deliver(channel_created()).text.strip()

    assert answer == '{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}'


@pytest.mark.any_engine
@pytest.mark.parametrize(
    "body",
    [
        {"CallbackCommand": "C2C.CallbackBeforeSendMsg", "MsgBody": []},
        {"CallbackCommand": "Never.HeardOf", "😀": [1.5, None, {"a": "\ud800"}]},
        {"CallbackCommand": "group.callbackaftergroupdestroyed"},
    ],
    ids=["before-command", "unknown", "other case"],
)
def test_other_command_is_allowed_and_kept(deliver, rows, body):
    assert deliver(body).get_json() == OK

    (kept,) = rows(Delivery)
    assert (kept.verdict, kept.command) == (Verdict.UNHANDLED, body["CallbackCommand"])


def test_command_may_stand_in_the_query_string_alone(deliver, rows):
    body = channel_destroyed()
    del body["CallbackCommand"]
    query = {"CallbackCommand": "OfficialAccount.CallbackAfterOfficialAccountDestroyed"}

    assert deliver(data=json.dumps(body).encode(), query=query).get_json() == OK

    assert len(rows(LifecycleEvent)) == 1


def test_command_may_stand_in_the_body_alone(deliver, rows):
    assert deliver(channel_destroyed(), query={"CallbackCommand": None}).get_json() == OK

    assert len(rows(LifecycleEvent)) == 1


@pytest.mark.any_engine
@pytest.mark.parametrize(
    ("data", "code", "info"),
    [
        (b"", 40001, "body: Not JSON"),
        (b"not json", 40001, "body: Not JSON"),
        (b'{"GroupId":"a', 40001, "body: Not JSON: Unterminated string starting at character 11."),
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
        (b'{"GroupId":""}', 40004, "GroupId: Must not be empty"),
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
    deliver, rows, data, code, info
):
    query = {"CallbackCommand": "Group.CallbackAfterGroupDestroyed"}

    answer = deliver(data=data, query=query)

    reply = answer.get_json()
    assert (answer.status_code, reply["ActionStatus"], reply["ErrorCode"]) == (400, "FAIL", code)
    assert reply["ErrorInfo"].startswith(info)
    (kept,) = rows(Delivery)
    assert (kept.verdict, kept.body) == (Verdict.INVALID, data)
    assert kept.errors
    assert len(rows(LifecycleEvent)) == 0


def test_callback_without_any_command_is_invalid(deliver, rows):
    answer = deliver(data=b'{"GroupId":"a"}')

    assert answer.get_json()["ErrorCode"] == 40003
    assert rows(Delivery)[0].command is None


def test_callback_with_two_commands_in_its_query_string_is_invalid(deliver):
    twice = {"CallbackCommand": [group_destroyed()["CallbackCommand"], "Group.Other"]}

    assert deliver(group_destroyed(), query=twice).get_json()["ErrorCode"] == 40003


def test_error_info_stays_short_while_the_delivery_keeps_more(deliver, rows):
    answer = deliver(group_destroyed(MemberList=[1] * 1000))

    assert len(answer.get_json()["ErrorInfo"]) <= 500
    assert len(rows(Delivery)[0].errors["MemberList"]) == MAX_FAULTS


@pytest.mark.any_engine
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


@pytest.mark.any_engine
@pytest.mark.parametrize("command", [sample["CallbackCommand"] for sample in GROUPS])
def test_extra_query_parameters_are_kept(deliver, rows, command):
    query = {"RequestID": "0a1b", "OptPlatform": "iPad", "New": "x y"}

    deliver({"CallbackCommand": command, "GroupId": "g"}, query=query)

    assert "RequestID=0a1b&New=x+y" in rows(Delivery)[0].query_string


@pytest.mark.parametrize(
    ("event_time", "stored"),
    [
        (1670574414123, 1670574414123),
        ("1670574414123", 1670574414123),
        ("0", 0),
        (None, None),
        (253402300799999, 253402300799999),
    ],
)
def test_event_time_may_be_a_number_or_its_digits_or_null(deliver, rows, event_time, stored):
    assert deliver(group_created() | {"EventTime": event_time}).status_code == 200

    (event,) = rows(LifecycleEvent)
    assert event.event_time == stored
    since = None if stored is None else timedelta(milliseconds=stored)
    assert event.occurred_at == (NOW if since is None else EPOCH + since)


def test_event_time_may_be_absent(deliver, rows):
    deliver(group_created(EventTime=None))

    (event,) = rows(LifecycleEvent)
    assert (event.event_time, event.occurred_at) == (None, NOW)


def test_callback_that_no_folder_takes_is_not_acknowledged(post, receiver, journal):
    journal.folders[0].write_bytes(b"in place of the folder")

    answer = post(channel_created())

    assert answer.status_code == 503
    assert answer.get_json() == {
        "ActionStatus": "FAIL",
        "ErrorInfo": "not stored",
        "ErrorCode": 50301,
    }


def test_receiver_that_has_closed_its_journal_answers_nothing(post, receiver):
    """A 503 would neither be sent again nor counted any more."""
    receiver.extensions["receiver"].close()

    with pytest.raises(BrokenPipeError):
        post(channel_created())


def test_callback_is_durable_without_any_database(post, journal):
    assert post(channel_created()).get_json() == OK

    (segment,) = list_waiting(journal.folders[0])
    assert json.dumps(channel_created()).encode() in segment.path.read_bytes()


def test_every_answer_to_an_authentic_callback_is_counted(deliver, receiver, recorder, counted):
    deliver(channel_created())
    deliver(data=b"not json")
    deliver(channel_created(), query={"Sign": "x"})
    receiver.extensions["receiver"].write_tally()
    recorder.record_available()

    answered = counted(Measure.ANSWERED)
    assert sum(answered.values()) == 2
    assert {app for app, _ in answered} == {APP}
    assert counted(Measure.ANSWER_MICROSECONDS)[APP, ""] > 0
