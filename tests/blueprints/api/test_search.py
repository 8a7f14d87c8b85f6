"""GET /search: any part of an ID or name, on every database."""

from tests.conftest import APP, OPEN_APP
from tests.payloads import channel_created, group_changed, group_created, group_destroyed

AT = 1_764_000_000_000
ID = "@TGS#1"


def ids(answer, kind):
    return [item["id"] for one in answer["found"] if one["kind"] == kind for item in one["items"]]


def test_former_name_is_told_with_its_time(deliver, read):
    deliver(group_created(GroupId=ID, Name="Old", EventTime=AT))
    deliver(group_changed(GroupId=ID, Name="New", EventTime=AT + 1000))
    deliver(group_destroyed(GroupId=ID, Name="New", EventTime=AT + 2000))

    assert read("/search", q="oLD")["found"] == [
        {
            "kind": "group",
            "items": [
                {
                    "id": ID,
                    "sdk_app_id": APP,
                    "name": "New",
                    "status": "destroyed",
                    "match": "former_name",
                    "text": "Old",
                    "since": "2025-11-24T16:00:00.000Z",
                    "until": "2025-11-24T16:00:01.000Z",
                }
            ],
            "has_more": False,
        }
    ]
    (found,) = read("/search", q="new")["found"]
    assert (found["items"][0]["match"], found["items"][0]["until"]) == ("name", None)


def test_name_is_told_in_order_of_time_whatever_the_order_of_arrival(deliver, read):
    for name, at in (("First", AT), ("Third", AT + 2000), ("Second", AT + 1000)):
        deliver(group_changed(GroupId=ID, Name=name, EventTime=at))

    items = [read("/search", q=name)["found"][0]["items"][0] for name in ("second", "third")]

    assert [item["match"] for item in items] == ["former_name", "name"]
    assert items[0]["until"] == items[1]["since"] == "2025-11-24T16:00:02.000Z"


def test_better_matches_come_first(deliver, read):
    for name in ("My bob", "Bobsled", "Bob"):
        deliver(channel_created(Official_Account=name[::-1], Name=name))

    assert ids(read("/search", q="bob"), "channel") == ["boB", "delsboB", "bob yM"]


def test_all_of_it_must_be_there_in_this_order(deliver, read):
    deliver(group_created(GroupId=ID, Name="abcbd"))

    assert ids(read("/search", q="bcb"), "group") == [ID]
    for text in ("bdab", "cbcb", "abd", "ab%d", "a_c", "a\\", "'"):
        assert read("/search", q=text)["found"] == [], text


def test_one_character_is_enough_if_it_is_no_letter_or_digit(deliver_all, read):
    characters = "%_!\\'\"*^家😀"
    deliver_all(
        group_created(GroupId=f"{number}", Name=f"a{character}b")
        for number, character in enumerate(("", *characters))
    )

    for number, character in enumerate(characters, start=1):
        # Quotation marks around a text are dropped, so here they are inside it.
        assert ids(read("/search", q=f"a{character}b"), "group") == [f"{number}"]
        if character not in "'\"":
            assert ids(read("/search", q=character), "group") == [f"{number}"]


def test_letter_finds_what_begins_with_it(deliver, read):
    deliver(group_created(GroupId="x1", Name="Design"))
    deliver(group_created(GroupId="1x", Name="Design"))

    answer = read("/search", q="X", kind="group")

    assert ids(answer, "group") == ["x1"]
    assert answer["limit"] == "one_character"


def test_kinds_are_chosen(deliver, read):
    deliver(group_created(GroupId="bob1", Owner_Account="bob2", Name="Bob"))
    deliver(channel_created(Official_Account="bob3"))

    found = read("/search", q="bob", kind=["user", "channel"])["found"]

    assert [one["kind"] for one in found] == ["user", "channel"]


def test_id_in_two_apps_is_found_in_both(deliver, read):
    for app in (APP, OPEN_APP):
        deliver(group_created(GroupId=ID), query={"SdkAppid": app})

    (found,) = read("/search", q="tgs#1")["found"]

    assert sorted(item["sdk_app_id"] for item in found["items"]) == [OPEN_APP, APP]


def test_more_than_twenty_are_told(deliver, read):
    for number in range(21):
        deliver(channel_created(Official_Account=f"c{number}", Name="Alike"))

    (found,) = read("/search", q="lik")["found"]

    assert (len(found["items"]), found["has_more"]) == (20, True)


def test_lists_have_addresses_of_the_api(deliver, read):
    deliver(group_created())

    for text in ("destroyed", "AfterGroupDestroyed", APP, "2026-11-21"):
        for address in read("/search", q=text)["lists"]:
            assert "items" in read(address), address
    assert len(read("/search", q="2026/11/21")["lists"]) == 2
    assert read("/search", q="2026-02-30")["lists"] == []


def test_nothing_and_too_much_are_answered(read):
    for text in (" ", "\u200b", "x" * 4096):
        assert read("/search", q=text)["found"] == []
    for query in ({}, {"q": ""}, {"q": "x" * 4097}, {"q": "x", "kind": "topic"}):
        read("/search", 400, **query)
