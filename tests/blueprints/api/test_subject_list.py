"""Lists of channels and groups in their present state."""

from base64 import urlsafe_b64encode

import pytest

from models.text import start_of
from tests.conftest import OPEN_APP
from tests.payloads import channel_created, group_changed, group_created, group_destroyed, sample


@pytest.fixture
def groups(deliver_all):
    """Seven groups, every other one disbanded, and a channel."""
    bodies = [channel_created()]
    for number in range(7):
        group = {"GroupId": f"g{number}", "Name": f"N{number % 2}"}
        bodies.append(group_created(**group, EventTime=1000 + number))
        if number % 2:
            bodies.append(group_destroyed(**group, EventTime=2000 + number))
    deliver_all(bodies)


def ids(items):
    return [item["subject_id"] for item in items]


def test_pages_hold_every_group_once(groups, read_all):
    for limit in (1, 3, 7, 50):
        assert ids(read_all("/groups", limit=limit)) == [f"g{number}" for number in range(7)]


def test_item_is_the_state_of_its_subject(groups, read):
    (channel,) = read("/channels")["items"]

    assert channel == read("/channels/%40TOA%23_test_OA_for_penn")


FILTERS = (
    ({"status": "destroyed"}, ["g1", "g3", "g5"]),
    ({"status": "active"}, ["g0", "g2", "g4", "g6"]),
    ({"name": "N1"}, ["g1", "g3", "g5"]),
    ({"name": "N"}, ["g0", "g2", "g4", "g6", "g1", "g3", "g5"]),
    ({"name": "N", "owner": "leckie", "sort": "id"}, [f"g{number}" for number in range(7)]),
    ({"name": "N1", "status": "active"}, []),
    ({"owner": "nobody"}, []),
    ({"sdk_app_id": "1"}, []),
)


def test_filters_are_about_the_present(groups, read_all):
    for filters, expected in FILTERS:
        assert ids(read_all("/groups", limit=2, **filters)) == expected, filters


@pytest.fixture
def named(deliver_all):
    """Groups with many kinds of names; return those that a filter finds, as stored, in order."""
    names = ["", "A", "Aa", "AB", "a", "ab", "é", "名", "名前", "\N{GRINNING FACE}", "a\0b", "␛"]
    names += ["x" * 70 + "1", "x" * 70 + "2"]
    deliver_all(
        group_created(GroupId=f"g{number:02}", Name=name) for number, name in enumerate(names)
    )
    return lambda prefix: sorted(filter(lambda name: name.startswith(prefix), names), key=start_of)


def test_name_is_found_by_its_beginning_and_no_other(named, read_all):
    x64, x70 = "x" * 64, "x" * 70
    for prefix in ("A", "a", "é", "名", "\N{GRINNING FACE}", "a\0", "␛", x64, f"{x70}2", "%"):
        found = read_all("/groups", limit=1, name=prefix)

        assert [item["fields"]["name"]["value"] for item in found] == named(prefix)


def test_renamed_group_is_found_by_its_new_name_only(deliver, read_all):
    for second, name in enumerate(["Old", "New", "New", "x" * 65, "x" * 66], start=1):
        deliver(group_changed(GroupId="g", Name=name, EventTime=1000 * second))

    assert read_all("/groups", name="Old") == read_all("/groups", name="New") == []
    assert ids(read_all("/groups", name="x", limit=1)) == ["g"]


def test_name_of_a_topic_is_not_its_groups(deliver, read_all):
    deliver(sample("CallbackAfterCreateTopic", Name="Topic"))

    assert read_all("/groups", name="Topic") == []


def test_owner_of_the_past_owns_nothing(groups, deliver, read):
    deliver(group_changed(GroupId="g0", Owner_Account="new", EventTime=5000))

    deliver(sample("CallbackAfterGroupFull", GroupId="g0", EventTime=6000))
    deliver(sample("CallbackAfterCreateTopic", GroupId="g0", Owner_Account="leckie"))

    assert ids(read("/groups", owner="new")["items"]) == ["g0"]
    assert "g0" not in ids(read("/groups", owner="leckie")["items"])


def test_owner_of_an_earlier_life_owns_nothing(deliver, read):
    deliver(group_created(GroupId="g", Owner_Account="old", EventTime=1000))
    deliver(group_destroyed(GroupId="g", Owner_Account="old", EventTime=2000))
    deliver(group_created(GroupId="g", Owner_Account=None, EventTime=3000))

    assert read("/groups", owner="old")["items"] == []


def test_owner_in_one_app_owns_nothing_in_another(deliver, read):
    deliver(group_created(GroupId="g", Owner_Account="a", EventTime=1000))
    for second, owner in enumerate("ab"):
        body = group_changed(GroupId="g", Owner_Account=owner, EventTime=2000 + second)
        deliver(body, query={"SdkAppid": OPEN_APP})

    (item,) = read("/groups", owner="a")["items"]
    assert item["sdk_app_id"] == "888888"
    (item,) = read("/groups", owner="b")["items"]
    assert item["sdk_app_id"] == OPEN_APP


@pytest.mark.parametrize("limit", [1, 50])
def test_apps_are_told_apart(groups, deliver, read_all, limit):
    deliver(group_created(GroupId="g3", Name="theirs"), query={"SdkAppid": OPEN_APP})

    found = [
        (item["subject_id"], item["sdk_app_id"])
        for item in read_all("/groups", limit=limit)
        if item["subject_id"] == "g3"
    ]
    assert found == [("g3", OPEN_APP), ("g3", "888888")]
    assert ids(read_all("/groups", sdk_app_id=OPEN_APP, limit=limit)) == ["g3"]


def test_apps_are_told_apart_among_equal_names(deliver, read_all):
    for app in (OPEN_APP, None):
        deliver(group_created(GroupId="g", Name="same"), query={"SdkAppid": app} if app else None)

    found = read_all("/groups", name="same", limit=1)
    assert [item["sdk_app_id"] for item in found] == [OPEN_APP, "888888"]


ORDERS = (
    ({"sort": "changed"}, [5, 3, 1, 6, 4, 2, 0]),
    ({"sort": "changed", "status": "active"}, [6, 4, 2, 0]),
    ({"sort": "created"}, [6, 5, 4, 3, 2, 1, 0]),
    ({"sort": "created", "name": "N1"}, [5, 3, 1]),
    ({"sort": "ended"}, [5, 3, 1]),
    ({"sort": "ended", "status": "active"}, []),
    ({"sort": "name"}, [0, 2, 4, 6, 1, 3, 5]),
    ({"sort": "name", "status": "destroyed"}, [1, 3, 5]),
)


def test_groups_come_in_the_order_that_is_asked_for(groups, read_all):
    for filters, expected in ORDERS:
        found = ids(read_all("/groups", limit=2, **filters))
        assert found == [f"g{number}" for number in expected], filters


def test_creation_that_was_not_seen_has_no_place_by_creation(deliver, read):
    deliver(group_changed(GroupId="g"))

    assert read("/groups", sort="created")["items"] == []
    assert ids(read("/groups", sort="changed")["items"]) == ["g"]


def test_group_is_found_by_its_type(deliver, read):
    deliver(group_created(GroupId="a", Type="Public"))
    deliver(group_created(GroupId="b", Type="x\0" * 100))

    assert ids(read("/groups", group_type="Public")["items"]) == ["a"]
    assert read("/groups", group_type="\0")["items"] == []
    read("/channels", 400, group_type="Public")


def test_cursor_belongs_to_its_filters(groups, read):
    cursor = read("/groups", limit=2)["next_cursor"]

    deep = urlsafe_b64encode(bytes(8) + b"[" * 1100).decode()
    for wrong in (
        {"cursor": cursor, "status": "active"},
        {"cursor": "x"},
        {"cursor": cursor[:-4]},
        {"cursor": deep},
    ):
        assert list(read("/groups", 400, **wrong)["errors"]) == ["cursor"]
    read("/channels", 400, cursor=cursor)


@pytest.mark.parametrize(("name", "value"), [("status", "dead"), ("name", "")])
def test_malformed_filter_is_named(read, name, value):
    assert list(read("/groups", 400, **{name: value})["errors"]) == [name]
