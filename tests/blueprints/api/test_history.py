"""Reading the history over HTTP."""

import pytest

from services.reading import pages
from tests.conftest import KEY, OPEN_APP
from tests.payloads import (
    channel_changed,
    channel_created,
    channel_destroyed,
    group_created,
    group_destroyed,
    sample,
    topic_changed,
)

AUTHORIZED = {"Authorization": f"Bearer {KEY}"}
CHANNEL, GROUP = "@TOA#_test_OA_for_penn", "@TGS#2J4SZEAEL"


@pytest.fixture
def lives(deliver_all):
    """A channel and a group from beginning to end, a second apart."""
    bodies = [
        channel_created(),
        channel_changed(),
        channel_destroyed(),
        group_created(),
        sample("CallbackAfterChangeGroupOwner", GroupId=GROUP),
        sample("CallbackAfterMemberFieldChanged", GroupId=GROUP),
        group_destroyed(),
    ]
    for second, body in enumerate(bodies):
        body["EventTime"] = 1670574414123 + 1000 * second
    deliver_all(bodies)


def test_event_object_is_as_the_contract_shows_it(deliver, read):
    deliver(channel_destroyed())

    (event,) = read("/history")["items"]
    assert event == {
        "id": 1,
        "subject_type": "channel",
        "subject_id": CHANNEL,
        "action": "destroyed",
        "command": "OfficialAccount.CallbackAfterOfficialAccountDestroyed",
        "sdk_app_id": "888888",
        "operator": None,
        "owner": "107867",
        "name": "TestOfficialAccount",
        "occurred_at": "2022-12-09T08:26:54.123Z",
        "received_at": "2026-11-21T07:00:00.123456Z",
        "event_time": 1670574414123,
        "client_ip": "127.0.0.1",
        "platform": "RESTAPI",
        "details": {},
        "members": [],
        "delivery_id": 1,
        "delivery_count": 1,
    }


def test_event_without_time_occurred_when_it_was_received(deliver, read):
    deliver(topic_changed())

    (event,) = read("/history")["items"]
    assert event["event_time"] is None
    assert event["occurred_at"] == event["received_at"] == "2026-11-21T07:00:00.123456Z"


def test_details_hold_all_other_fields_untouched(deliver, read):
    odd = {"Deep": [{"NUL": "\0", "lone": "\ud800"}], "Big": 2**80, "Real": 0.1, "subject_id": "x"}

    deliver(group_created() | odd)

    (event,) = read("/history")["items"]
    custom = group_created()["UserDefinedDataList"]
    assert event["details"] == {"Type": "Public", "UserDefinedDataList": custom, **odd}
    assert event["subject_id"] == GROUP


def test_owner_change_tells_the_new_owner_and_keeps_both(lives, read):
    (event,) = read("/history", action="owner_changed")["items"]

    assert event["owner"] == "user2"
    changed = {"OldOwner_Account": "user1", "NewOwner_Account": "user2"}
    assert event["details"] == {"Type": "Public", **changed}


@pytest.mark.parametrize("field", ["Member_Account", "Modified_Account"])
def test_changed_member_is_found_however_tencent_spells_the_field(deliver, read, field):
    body = sample("CallbackAfterMemberFieldChanged", Member_Account=None) | {field: "jacky"}

    deliver(body)

    assert [event["members"] for event in read("/history", member="jacky")["items"]] == [["jacky"]]


def test_member_listed_twice_is_named_once(deliver, read):
    deliver(group_destroyed(MemberList=[{"Member_Account": name} for name in "bab"]))

    (event,) = read("/history", member="b")["items"]
    assert event["members"] == ["b", "a"]


def test_repeated_delivery_is_counted(deliver, read):
    for _ in range(3):
        deliver(channel_created())

    (event,) = read("/history")["items"]
    assert event["delivery_count"] == 3


FILTERS = (
    ({}, 7),
    ({"subject_type": "channel"}, 3),
    ({"subject_id": GROUP}, 4),
    ({"subject_id": GROUP.lower()}, 0),
    ({"action": "created"}, 2),
    ({"action": ["created", "destroyed"]}, 4),
    ({"operator": "leckie"}, 1),
    ({"owner": "leckie"}, 2),
    ({"member": "bob"}, 2),
    ({"member": "bob", "action": "destroyed"}, 1),
    ({"member": "Bob"}, 0),
    ({"sdk_app_id": "888888"}, 7),
    ({"sdk_app_id": OPEN_APP}, 0),
    ({"since": "2022-12-09T08:26:55.123Z"}, 6),
    ({"until": "2022-12-09T08:26:55.123Z"}, 1),
    ({"since": "2022-12-09T16:26:55.123+08:00", "until": "2022-12-09T08:26:57.123Z"}, 2),
    ({"subject_type": "group", "owner": "leckie", "action": "destroyed"}, 1),
    ({"subject_id": "\0"}, 0),
    ({"subject_id": "x" * 4000}, 0),
)


def test_filters_combine(lives, read):
    for query, found in FILTERS:
        assert len(read("/history", **query)["items"]) == found, query


@pytest.mark.any_engine
@pytest.mark.parametrize(
    ("query", "cause"),
    [
        ({"subject_id": "@TGS"}, "%23"),  # as of @TGS#2J4SZEAEL
        ({"subject_id": "@TOA", "action": "created"}, "%23"),
        ({"operator": "a%2Bb"}, "encoded twice"),
        ({"subject_id": "%40TGS%232J4SZEAEL"}, "encoded twice"),
    ],
    ids=str,
)
def test_filter_that_nothing_passes_because_of_a_slip_is_refused(client, lives, read, query, cause):
    for address in ("/history", "/export"):
        errors = read(address, 400, **query)["errors"]
        assert cause in errors[next(iter(query))][0]
    page = client.get("/console/events", query_string=query, headers=AUTHORIZED)
    assert page.status_code == 400
    assert cause in page.text


@pytest.mark.parametrize("address", ["/history", "/export", "/console/events"])
def test_blank_is_a_slip_only_if_there_is_an_id_with_a_plus(client, deliver, address):
    deliver(group_destroyed(MemberList=[{"Member_Account": "bob+smith"}]))

    def answer(member):
        return client.get(address, query_string={"member": member}, headers=AUTHORIZED)

    assert answer("bob  smith").status_code == 200
    assert (answer("bob smith").status_code, "%2B" in answer("bob smith").text) == (400, True)


def test_filter_that_looks_like_a_slip_is_none_if_something_passes_it(deliver, read, client):
    for odd in ("@TGS", "a b", "%23"):
        deliver(group_destroyed(GroupId=odd, MemberList=[{"Member_Account": odd}]))

    for odd in ("@TGS", "a b", "%23"):
        assert len(read("/history", subject_id=odd, member=odd)["items"]) == 1
        assert (
            '"count":1'
            in client.get("/export", query_string={"member": odd}, headers=AUTHORIZED).text
        )


def test_newest_event_comes_first_unless_asked_otherwise(lives, read):
    newest = [event["id"] for event in read("/history")["items"]]

    assert newest == [7, 6, 5, 4, 3, 2, 1]
    assert [event["id"] for event in read("/history", order="asc")["items"]] == newest[::-1]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("member", [False, True])
def test_pages_hold_each_event_once_though_all_are_of_one_instant(
    deliver, read, read_all, order, member
):
    for number in range(7):
        deliver(group_destroyed(GroupId=f"g{number}"))
    query = {"order": order} | ({"member": "bob"} if member else {})

    paged = [event["id"] for event in read_all("/history", limit=3, **query)]

    assert len(paged) == 7
    assert paged == [event["id"] for event in read("/history", **query)["items"]]
    assert paged == sorted(paged, reverse=order == "desc")


def test_pages_stay_right_while_events_arrive(deliver, read):
    for second in range(4):
        deliver(channel_changed(EventTime=1670574414123 + 1000 * second))
    first = read("/history", limit=2)
    deliver(channel_changed(EventTime=1670574499999))

    second = read("/history", limit=2, cursor=first["next_cursor"])

    assert [event["id"] for event in first["items"] + second["items"]] == [4, 3, 2, 1]
    assert second["next_cursor"] is None


def large(number):
    members = [{"Member_Account": f"{'u' * 100}{member}"} for member in range(1000)]
    return group_destroyed(GroupId=f"g{number}", MemberList=members)


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_page_of_large_events_ends_early_and_the_next_goes_on(deliver, read, read_all, order):
    for number in range(9):
        deliver(large(number))  # 125 kB
        deliver(group_created(GroupId=f"g{number}"))

    first = read("/history", order=order)
    paged = read_all("/history", order=order)

    assert 4 <= len(first["items"]) < 12
    assert first["next_cursor"]
    assert [event["id"] for event in paged] == sorted(range(1, 19), reverse=order == "desc")
    assert {len(event["members"]) for event in paged} == {2, 1000}


def test_event_that_is_larger_than_a_page_is_a_page(deliver, read, read_all, monkeypatch):
    monkeypatch.setattr(pages, "MOST_BYTES", 10)
    for number in range(2):
        deliver(group_created(GroupId=f"g{number}"))

    assert len(read("/history")["items"]) == 1
    assert len(read_all("/history")) == 2


def test_link_leads_to_the_next_page(client, lives, read):
    headers = {"Authorization": f"Bearer {KEY}"}
    query = "action=created&action=destroyed&limit=1"
    first = client.get(f"/history?{query}", headers=headers)

    assert first.headers["Link"].endswith('>; rel="next"')
    address = first.headers["Link"].removeprefix("<").partition(">")[0]
    second = client.get(address, headers=headers).get_json()
    both = first.get_json()["items"] + second["items"]
    assert both == read("/history", action=["created", "destroyed"], limit=2)["items"]


def test_last_page_has_no_link(client, lives):
    answer = client.get("/history", headers={"Authorization": f"Bearer {KEY}"})

    assert "Link" not in answer.headers


@pytest.mark.any_engine
@pytest.mark.parametrize(
    "change",
    [
        {"owner": "leckie"},
        {"action": ["created"]},
        {"order": "asc"},
        {"since": "2022-12-09T08:26:54Z"},
    ],
    ids=str,
)
def test_cursor_of_another_query_is_refused(lives, read, change):
    cursor = read("/history", limit=1)["next_cursor"]

    problem = read("/history", 400, cursor=cursor, **change)

    assert "cursor" in problem["errors"]
    assert read("/history", limit=3, cursor=cursor)["items"]


@pytest.mark.any_engine
@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "\u20ac", "A" * 32, "A" * 4000])
def test_made_up_cursor_is_refused(lives, read, cursor):
    assert "cursor" in read("/history", 400, cursor=cursor)["errors"]


@pytest.mark.any_engine
def test_every_altered_character_of_a_cursor_is_noticed(lives, read):
    cursor = read("/history", limit=1)["next_cursor"]

    for place, letter in enumerate(cursor):
        altered = cursor[:place] + ("A" if letter != "A" else "B") + cursor[place + 1 :]
        read("/history", 400, cursor=altered)


@pytest.mark.any_engine
@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"sort": "id"}, "sort"),
        ({"Limit": 5}, "Limit"),
        ({"limit": 0}, "limit"),
        ({"owner": ""}, "owner"),
        ({"subject_id": ""}, "subject_id"),
        ({"sdk_app_id": "my app"}, "sdk_app_id"),
        ({"sdk_app_id": "888888\n"}, "sdk_app_id"),
        ({"since": "2022-12-09T08:26:55Z", "until": "2022-12-09T08:26:54Z"}, "since"),
        ({"limit": 501}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "1_0"}, "limit"),
        ({"limit": [1, 2]}, "limit"),
        ({"order": "up"}, "order"),
        ({"subject_type": "topic"}, "subject_type"),
        ({"action": ["created", "exploded"]}, "action"),
        ({"owner": ["a", "b"]}, "owner"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2022-12-09"}, "since"),
        ({"since": "2022-12-09T08:26:54"}, "since"),
        ({"since": "2022-13-09T08:26:54Z"}, "since"),
        ({"until": "0001-01-01T00:00:00+14:00"}, "until"),
        ({"since": "2016-12-30T23:59:60Z"}, "since"),
        ({"since": "2016-12-31T23:58:60Z"}, "since"),
        ({"since": "2016-12-31T23:59:60+01:00"}, "since"),
        ({"since": "2016-12-31T23:59:61Z"}, "since"),
        ({"since": "2016-12-31T24:00:00Z"}, "since"),
        ({"since": "2016-12-31T23:00:00+05:60"}, "since"),
        ({"since": "2016-12-31T23:00:00-24:00"}, "since"),
        ({"until": "9999-12-31T23:59:60Z"}, "until"),
        ({"until": "2022-12-09T08:26:54 08:00"}, "until"),
    ],
    ids=str,
)
def test_unknown_or_malformed_parameter_is_named(client, read, query, name):
    assert name in read("/history", 400, **query)["errors"]


@pytest.mark.parametrize("value", ["%FF", "%ED%A0%80", "%C0%AF", "a%E9", "%F4%90%80%80"])
@pytest.mark.parametrize("address", ["/history?member=", "/history/1?", "/search?q=", "/export?x="])
def test_query_that_is_not_utf_8_is_refused(client, address, value):
    answer = client.get(f"{address}{value}", headers=AUTHORIZED)

    assert answer.status_code == 400
    assert answer.get_json()["detail"] == "The query string is not UTF-8."


@pytest.mark.parametrize("leap", ["2016-12-31T23:59:60Z", "2017-01-01T05:29:60.000+05:30"])
def test_leap_second_is_an_instant(deliver, read, leap):
    for milliseconds in (1483228799999, 1483228800000):  # around midnight
        deliver(group_created(EventTime=milliseconds))

    assert [event["id"] for event in read("/history", since=leap)["items"]] == [2]
    assert [event["id"] for event in read("/history", until=leap)["items"]] == [1]


def test_any_instant_of_the_calendar_may_bound_the_history(lives, read):
    query = {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59.999999Z"}

    assert len(read("/history", **query)["items"]) == 7


def test_event_page_shows_delivery_and_raw_body(client, deliver, read):
    raw = '{"Official_Account": "频道😀",\n "Name": "\\u0000"}'.encode()
    query = {"CallbackCommand": "OfficialAccount.CallbackAfterCreateOfficialAccount"}
    deliver(data=raw, query=query)

    event = read("/history/1")

    assert (event["subject_id"], event["name"]) == ("频道😀", "\0")
    assert event["delivery"]["body"].encode() == raw
    assert event["delivery"]["verdict"] == "accepted"
    assert event["delivery"]["query_string"].startswith("SdkAppid=888888&")
    assert event["delivery"]["received_at"] == event["received_at"]


def test_event_is_not_sent_again_to_who_has_it(client, deliver):
    deliver(channel_created())
    headers = {"Authorization": f"Bearer {KEY}"}
    tag = client.get("/history/1", headers=headers).headers["ETag"]
    assert tag.startswith('"')

    answer = client.get("/history/1", headers={**headers, "If-None-Match": tag})

    assert (answer.status_code, answer.data) == (304, b"")
    deliver(channel_created())
    again = client.get("/history/1", headers={**headers, "If-None-Match": tag})
    assert (again.status_code, again.get_json()["delivery_count"]) == (200, 2)


@pytest.mark.parametrize("address", ["/history/1", "/history/0", f"/history/{2**63 - 1}"])
def test_event_that_does_not_exist_is_a_problem(read, address):
    problem = read(address, 404)

    assert (problem["status"], problem["title"]) == (404, "Not Found")


def test_parameter_of_an_address_that_has_none_is_refused(deliver, read):
    deliver(channel_created())

    assert "limit" in read("/history/1", 400, limit=1)["errors"]


def test_ids_compare_exactly(deliver_all, read):
    ids = ["ID", "id", "id ", " id", "i d", "ïd", "😀", "a\0b", "a␛0000b", "a␛b", "ﬁ", "fi", "%"]
    unspelled = "\ud800"  # no URL can contain it, yet it is not lost
    deliver_all(
        group_destroyed(GroupId=one, MemberList=[{"Member_Account": one}])
        for one in (*ids, unspelled)
    )

    found = {one: read("/history", subject_id=one)["items"] for one in ids}
    assert found == {one: read("/history", member=one)["items"] for one in ids}
    every = read("/history")["items"]
    found[unspelled] = [event for event in every if event["subject_id"] == unspelled]
    for one, events in found.items():
        assert [(event["subject_id"], event["members"]) for event in events] == [(one, [one])]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("subject_id", ["group", "a\0b"])
def test_member_is_found_within_a_subject(deliver, read_all, subject_id, order):
    for second in range(5):
        for one in (subject_id, "other"):
            deliver(group_destroyed(GroupId=one, EventTime=1670574414123 + 1000 * second))
    deliver(group_destroyed(GroupId=subject_id, MemberList=[{"Member_Account": "alice"}]))

    query = {"subject_id": subject_id, "member": "bob", "order": order}
    found = read_all("/history", **query, limit=2)

    ids = [1, 3, 5, 7, 9]
    assert [event["id"] for event in found] == (ids if order == "asc" else ids[::-1])
    assert {event["subject_id"] for event in found} == {subject_id}
    assert found == read_all("/history", **query, action=["created", "destroyed"])


@pytest.mark.parametrize("wrong", ["01", "+1", "%EF%BC%91", "%D9%A1", str(2**63), "9" * 5000])
@pytest.mark.parametrize(
    "address", ["/history", "/deliveries", "/console/events", "/console/deliveries"]
)
def test_row_has_one_address(deliver, client, address, wrong):
    """Python reads the digits of all scripts, and zeros before a number."""
    deliver(group_created())

    assert client.get(f"{address}/1", headers=AUTHORIZED).status_code in (200, 302)
    assert client.get(f"{address}/{wrong}", headers=AUTHORIZED).status_code == 404
