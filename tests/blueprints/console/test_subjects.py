"""The story of one channel or group, as the console tells it."""

import re
from urllib.parse import quote

import pytest

from tests.blueprints.console.conftest import ON_EVERY_ENGINE
from tests.blueprints.console.html import next_page, plain, section
from tests.conftest import OPEN_APP
from tests.payloads import group_changed, group_created, group_destroyed, sample, topic_changed

DAY_MS = 86_400_000
START = 1_700_000_000_000


def tell_two_lives(deliver, group_id):
    """Have a group created, changed and disbanded, and created again."""
    deliver(group_created(GroupId=group_id, Name="First", EventTime=START))
    deliver(group_changed(GroupId=group_id, Name="Renamed", EventTime=START + DAY_MS))
    deliver(
        group_destroyed(
            GroupId=group_id,
            Name="Renamed",
            Operator_Account="administrator",
            EventTime=START + 2 * DAY_MS,
        )
    )
    deliver(group_created(GroupId=group_id, Name="Second", EventTime=START + 3 * DAY_MS))


@ON_EVERY_ENGINE
def test_group_that_was_disbanded_answers_who_when_and_who_was_in_it(deliver, look):
    deliver(group_destroyed(Operator_Account="administrator"))

    page = look("groups/%40TGS%232J4SZEAEL")

    ending = section(page, "ending")
    assert "Operator administrator" in ending
    assert "When 2022-12-09 08:26:54" in ending
    assert "Members when disbanded (3) leckie peter bob" in ending


def test_ending_says_so_where_nobody_is_named(deliver, look):
    deliver(group_destroyed())

    ending = section(look("groups/%40TGS%232J4SZEAEL"), "ending")

    assert "not reported This callback does not name the operator." in ending


def test_many_members_are_shown_on_demand(deliver, look):
    members = [{"Member_Account": f"user {number}"} for number in range(501)]
    deliver(group_destroyed(GroupId="big", MemberList=members))

    page, everything = look("groups/big"), look("groups/big?members=all")

    assert "user 499" in page
    assert "user 500" not in page
    assert "Show all 501" in page
    assert "user 500" in everything
    assert "Show all" not in everything


@ON_EVERY_ENGINE
def test_timeline_tells_lives_apart(deliver, look):
    tell_two_lives(deliver, "again")

    timeline = section(look("groups/again"), "timeline")

    assert re.findall("Use (.) of this ID", timeline) == ["2", "1"]
    assert "Name: First → Renamed" in timeline
    assert timeline.index("Second") < timeline.index("Renamed")


@ON_EVERY_ENGINE
def test_state_at_a_date_is_of_the_life_it_falls_into(deliver, look):
    tell_two_lives(deliver, "again")

    at_end = look("groups/again?at=2023-11-17T00:00")
    in_second = look("groups/again?at=2023-11-18T00:00:00.000")
    before = look("groups/again?at=2023-11-14")

    assert "use 1 of 2 of this ID" in plain(at_end)
    assert "administrator" in section(at_end, "ending")
    assert "Name Second" in section(in_second, "state")
    assert "ending" not in in_second
    assert "No events before this time." in section(before, "state")


def test_timeline_is_paged(deliver, look):
    for number in range(52):
        deliver(group_changed(GroupId="a", Name=f"Name {number}", EventTime=START + number))

    page = look("groups/a")
    following = next_page(page)

    assert section(page, "timeline").count("profile changed") == 50
    assert section(look(following), "timeline").count("profile changed") == 2
    deliver(group_created(GroupId="b", EventTime=1))
    look(following.replace("/a?", "/b?"), 400)
    look("groups/a?after=x", 400)


def test_timeline_of_large_events_is_paged_sooner(deliver, look):
    for number in range(5):
        deliver(group_changed(GroupId="a", Introduction="x" * 200_000, EventTime=START + number))

    page = look("groups/a")

    assert section(page, "timeline").count("profile changed") == 2
    assert section(look(next_page(page)), "timeline").count("profile changed") == 2


def test_subject_of_several_apps_lets_one_choose(deliver, look):
    deliver(group_created())
    deliver(group_created(), query={"SdkAppid": OPEN_APP})

    page = look("groups/%40TGS%232J4SZEAEL", 300)

    assert f"SDKAppID {OPEN_APP}" in plain(page)
    look(f"groups/%40TGS%232J4SZEAEL?sdk_app_id={OPEN_APP}")


@pytest.mark.parametrize("group_id", ["a/b", "/", "a/versions", "%2F", "a?b#c", "é", "x y", "😀"])
def test_subject_is_found_by_any_id(deliver, look, group_id):
    deliver(group_created(GroupId=group_id))

    [link] = re.findall('href="/console/(groups/[^?"]+)', look("groups"))

    assert link == f"groups/{quote(group_id, safe='')}"
    assert "MyFirstGroup" in look(link)


@ON_EVERY_ENGINE
def test_timeline_neither_skips_nor_repeats(deliver, look):
    for number in range(101):
        deliver(group_changed(GroupId="a", Name=f"Name {number}", EventTime=START + number))

    seen, address = [], "groups/a"
    while address:
        page = look(address)
        seen += re.findall(r'<li id="event-(\d+)">', page)
        address = next_page(page)

    assert seen == [str(number) for number in range(101, 0, -1)]


def test_ending_without_a_list_of_members_does_not_say_that_there_were_none(deliver, look):
    deliver(group_destroyed(GroupId="community", Type="Community", MemberList=None))

    ending = section(look("groups/community"), "ending")

    assert "Members when disbanded: not reported" in ending
    assert "(0)" not in ending


def test_end_that_is_told_twice_does_not_come_later(deliver, look, clock):
    deliver(group_destroyed(GroupId="a", EventTime=None))
    clock.move(minutes=5)
    deliver(group_destroyed(GroupId="a", EventTime=None))

    ending = section(look("groups/a"), "ending")

    assert "When 2026-11-21 07:00:00" in ending
    assert "Original request Delivery 1 " in ending


def test_picked_time_is_not_before_the_event_it_was_picked_for(deliver, look):
    deliver(group_created(GroupId="a", EventTime=None))

    then = look(re.search('href="/console/(groups/a[?]at=[^"]+)"', look("groups/a"))[1])
    picked = re.search('name="at" value="([^"]+)"', then)[1]

    assert "Name MyFirstGroup" in section(look(f"groups/a?at={picked}"), "state")


def test_timeline_tells_what_else_an_event_says(deliver, look):
    deliver(sample("CallbackAfterMemberExit", GroupId="a"))
    deliver(topic_changed(GroupId="a"))
    deliver(sample("CallbackAfterGroupAttrChanged", GroupId="a"))

    timeline = section(look("groups/a"), "timeline")

    assert "ExitType: Kicked" in timeline
    assert "Name: TestTopic" in timeline
    assert "GroupAttr: [{&#34;key&#34;:&#34;key1&#34;" in timeline


@ON_EVERY_ENGINE
def test_users_of_a_step_are_counted_and_the_first_are_told(deliver, look):
    members = [{"Member_Account": f"user {number}"} for number in range(25)]
    deliver(sample("CallbackAfterNewMemberJoin", GroupId="a", NewMemberList=members))

    timeline = section(look("groups/a"), "timeline")

    assert "user 19 … +5" in timeline
    assert "user 20" not in timeline
