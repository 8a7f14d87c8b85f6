"""States and versions of channels and groups over HTTP."""

import random
import re
from urllib.parse import quote, urljoin

import pytest

from tests.conftest import KEY, OPEN_APP
from tests.payloads import (
    channel_changed,
    channel_created,
    channel_destroyed,
    group_changed,
    group_created,
    group_destroyed,
    sample,
)

CHANNEL, GROUP = "@TOA#_test_OA_for_penn", "@TGS#2J4SZEAEL"
START = 1670574414123
STRANGE_IDS = [
    "@TOA#_x",
    "a/b",
    "/a//b/",
    "100%",
    "%2F",
    "why?",
    "two words",
    "\N{GRINNING FACE} & co",
    "versions",
    "a/versions",
    "a%2Fversions",
    "/versions",
    "x.y;z=1",
]


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("groups/@TGS", "%23"),  # as of @TGS#2J4SZEAEL
        ("channels/%40TOA", "%23"),
        ("groups/my+group", "%20"),  # as of a blank in a form
        ("groups/%2540TGS%25232J4", "encoded twice"),
        ("groups/nothing", ""),
    ],
)
def test_subject_that_is_unknown_because_of_a_slip_names_the_cause(deliver, read, path, cause):
    deliver(group_created())

    for rest in ("", "/versions"):
        assert cause in read(f"/{path}{rest}", 404)["detail"]
    assert "%" not in read("/groups/nothing", 404)["detail"]


def address(kind, subject_id, rest=""):
    return f"/{kind}s/{quote(subject_id, safe='')}{rest}"


def at_second(second, body):
    return body | {"EventTime": START + 1000 * second}


@pytest.fixture
def lived(deliver_all):
    """A channel from its creation to its end, a second apart."""
    bodies = [channel_created(), channel_changed(Introduction=""), channel_destroyed()]
    deliver_all(at_second(second, body) for second, body in enumerate(bodies))


def test_state_is_as_the_contract_shows_it(lived, read):
    assert read(address("channel", CHANNEL), at="2022-12-09T08:26:55.5Z") == {
        "subject_type": "channel",
        "subject_id": CHANNEL,
        "sdk_app_id": "888888",
        "life": 1,
        "status": "active",
        "at": "2022-12-09T08:26:55.500Z",
        "created_at": "2022-12-09T08:26:54.123Z",
        "destroyed_at": None,
        "last_event_id": 2,
        "fields": {
            "owner": {"value": "107867", "since": "2022-12-09T08:26:54.123Z", "event_id": 1},
            "name": {"value": "NewName", "since": "2022-12-09T08:26:55.123Z", "event_id": 2},
            "introduction": {"value": "", "since": "2022-12-09T08:26:55.123Z", "event_id": 2},
            "face_url": {
                "value": "http://this.is.newface.url",
                "since": "2022-12-09T08:26:55.123Z",
                "event_id": 2,
            },
            "organization": {
                "value": "NewOrganization",
                "since": "2022-12-09T08:26:55.123Z",
                "event_id": 2,
            },
        },
    }


def test_state_now_is_the_last_one(lived, read):
    state = read(address("channel", CHANNEL))

    assert (state["status"], state["destroyed_at"]) == ("destroyed", "2022-12-09T08:26:56.123Z")
    assert state["at"] == "2026-11-21T07:00:00.123456Z"
    assert state["fields"]["name"]["value"] == "TestOfficialAccount"


@pytest.mark.parametrize(
    ("at", "status"),
    [
        ("0001-01-01T00:00:00Z", 404),
        ("2022-12-09T08:26:54.122Z", 404),
        ("2022-12-09T08:26:54.123Z", 200),
        ("2022-12-09T16:26:54.123+08:00", 200),
        ("yesterday", 400),
    ],
)
def test_state_begins_with_the_first_event(lived, read, at, status):
    read(address("channel", CHANNEL), status, at=at)


def test_nobody_knows_a_subject_of_another_kind_or_app(lived, read):
    for known in (
        address("group", CHANNEL),
        address("channel", "other"),
        address("channel", CHANNEL) + "?sdk_app_id=1",
        address("channel", CHANNEL, "/versions") + "?sdk_app_id=1",
    ):
        assert read(known, 404)["title"] == "Not Found"


def test_id_may_hold_anything(deliver_all, read):
    deliver_all(group_created(GroupId=subject_id) for subject_id in STRANGE_IDS)

    for subject_id in STRANGE_IDS:
        assert read(address("group", subject_id))["subject_id"] == subject_id
        (version,) = read(address("group", subject_id, "/versions"))["items"]
        assert version["action"] == "created"


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "␛0000", "\N{GRINNING FACE}", '"\\'])
def test_state_tells_any_text_as_it_was_sent(deliver, read, text):
    deliver(group_changed(Name=text, Introduction=text, Owner_Account=text))

    fields = read(address("group", GROUP))["fields"]
    assert [fields[name]["value"] for name in ("name", "owner", "introduction")] == [text] * 3


def test_subject_of_several_apps_has_to_be_chosen(deliver, read):
    deliver(group_created(Name="ours"))
    deliver(group_created(Name="theirs"), query={"SdkAppid": OPEN_APP})

    for rest in ("", "/versions"):
        problem = read(address("group", GROUP, rest), 400)
        assert list(problem["errors"]) == ["sdk_app_id"]
    theirs = read(address("group", GROUP), sdk_app_id=OPEN_APP)
    assert (theirs["fields"]["name"]["value"], theirs["sdk_app_id"]) == ("theirs", OPEN_APP)


def test_versions_tell_who_changed_what(deliver, read):
    bodies = [
        group_created(),
        sample("CallbackAfterChangeGroupOwner", GroupId=GROUP, NewOwner_Account="bob"),
        group_changed(),
        group_destroyed(),
        group_created(Name="Again"),
    ]
    for second, body in enumerate(bodies):
        deliver(at_second(second, body))

    versions = read(address("group", GROUP, "/versions"))["items"]
    assert versions[1] == {
        "version": 2,
        "life": 1,
        "event_id": 2,
        "action": "owner_changed",
        "occurred_at": "2022-12-09T08:26:55.123Z",
        "operator": "admin",
        "platform": "RESTAPI",
        "changes": [{"field": "owner", "old": "leckie", "new": "bob"}],
    }
    assert [(version["version"], version["life"]) for version in versions] == [
        (1, 1),
        (2, 1),
        (3, 1),
        (4, 1),
        (5, 2),
    ]
    assert {"field": "name", "old": None, "new": "Again"} in versions[4]["changes"]


def test_versions_come_in_pages(deliver, read, read_all):
    for second in range(7):
        deliver(at_second(second, channel_changed(Name=f"N{second}")))
    where = address("channel", CHANNEL, "/versions")

    assert [one["version"] for one in read_all(where, limit=3)] == [1, 2, 3, 4, 5, 6, 7]
    assert [one["version"] for one in read_all(where, limit=2, order="desc")] == [
        7,
        6,
        5,
        4,
        3,
        2,
        1,
    ]
    cursor = read(where, limit=3)["next_cursor"]
    read(where, 400, cursor=cursor, order="desc")
    deliver(channel_changed(Official_Account="other"))
    read(address("channel", "other", "/versions"), 400, cursor=cursor)


@pytest.mark.parametrize("group_id", ["a/b?/versions", ".", ".."])
def test_link_leads_to_the_next_page_whatever_the_id(deliver, client, group_id):
    for second in range(2):
        deliver(at_second(second, group_changed(GroupId=group_id, Name=f"N{second}")))
    authorized = {"headers": {"Authorization": f"Bearer {KEY}"}}

    first = client.get(address("group", group_id, "/versions?limit=1"), **authorized)
    following = urljoin(first.request.url, re.search("<(.+)>", first.headers["Link"])[1])
    assert client.get(following, **authorized).get_json()["items"][0]["version"] == 2


def test_order_of_arrival_makes_no_difference(deliver, read):
    bodies = [
        at_second(second, body)
        for life in range(2)
        for second, body in enumerate(
            [group_created(Name=f"{life}"), group_changed(), group_destroyed()], start=3 * life
        )
    ]
    random.Random(7).shuffle(bodies)
    for body in bodies:
        deliver(body)

    versions = read(address("group", GROUP, "/versions"))["items"]
    assert [(one["life"], one["action"]) for one in versions] == [
        (life, action) for life in (1, 2) for action in ("created", "profile_changed", "destroyed")
    ]
    assert read(address("group", GROUP), at="2022-12-09T08:26:55.123Z")["life"] == 1
