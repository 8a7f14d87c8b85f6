"""What the pages of the console tell, on every database."""

import json
import re
from base64 import b64encode
from urllib.parse import quote

import pytest

from tests.conftest import OPEN_APP
from tests.payloads import (
    SAMPLES,
    channel_created,
    channel_destroyed,
    group_changed,
    group_created,
    group_destroyed,
)

DAY_MS = 86_400_000
START = 1_700_000_000_000


def plain(html):
    """Give the text of some HTML, with single spaces."""
    return " ".join(re.sub("<[^>]+>", " ", html).split())


def section(html, name):
    """Give the text of a section by its heading's ID."""
    found = re.search(rf'<section[^>]* aria-labelledby="{name}">.*?</section>', html, re.DOTALL)
    assert found, name
    return plain(found[0])


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


def test_overview_of_nothing_says_so(look):
    page = look("")

    assert "None that the service knows of." in section(page, "problems")
    assert "No lifecycle callback has arrived yet" in section(page, "events")


def test_overview_shows_problems_counts_and_newest_events(deliver, look):
    for body in SAMPLES:
        deliver(body)
    deliver(group_created())
    deliver({"CallbackCommand": "Group.CallbackAfterGroupFull"})
    deliver(SAMPLES[0], query={"SdkAppid": "1"})

    page = look("")

    assert "Invalid: 1 callbacks" in section(page, "problems")
    assert "Refused: 1 requests" in section(page, "problems")
    assert "repeat 1" in section(page, "callbacks")
    assert "invalid 1" in section(page, "callbacks")
    assert "disbanded" in section(page, "events")


def test_overview_counts_by_hour_of_the_clock(deliver, look, clock):
    deliver(group_created(GroupId="a"))
    clock.move(hours=1)
    deliver(group_created(GroupId="b"))
    deliver(group_created(GroupId="c"))

    page = look("")

    assert "2026-11-21 08:00 UTC, accepted 2" in page
    assert "2026-11-21 07:00 UTC, accepted 1" in page
    clock.move(hours=23)
    assert "accepted 2 " in section(look(""), "callbacks")


def test_command_that_has_ceased_to_come_is_a_problem(deliver, look, clock):
    for day in range(4):
        deliver(group_created(GroupId=f"group {day}"))
        clock.move(days=1)
    deliver(channel_created())  # once, which is no habit
    assert "Silent" not in section(look(""), "problems")

    clock.move(hours=2)

    problems = section(look(""), "problems")
    assert "Silent: Group.CallbackAfterCreateGroup came on 4 of 7 days" in problems
    assert "OfficialAccount" not in problems
    clock.move(days=30)
    assert "Silent" not in section(look(""), "problems")


@pytest.mark.parametrize("kind", ["channels", "groups"])
def test_lists_can_be_filtered(deliver, look, kind):
    for number in range(3):
        deliver(group_created(GroupId=f"@a{number}", Name=f"Name {number}"))
        deliver(channel_created(Official_Account=f"@a{number}", Name=f"Name {number}"))
    deliver(group_destroyed(GroupId="@a1", EventTime=START))
    deliver(channel_destroyed(Official_Account="@a1", EventTime=START))

    assert len(re.findall("<tr>", look(kind))) == 4
    assert "@a2" in look(f"{kind}?id=@a2")
    assert "@a2" not in look(f"{kind}?id=@a1")
    assert "@a0" in look(f"{kind}?name=Name%200&status=&owner=")
    assert "@a1" not in look(f"{kind}?status=active")
    assert "@a1" in look(f"{kind}?status=destroyed")
    assert "None." in look(f"{kind}?id=@a&owner=nobody")


def test_list_by_beginning_of_the_id_is_paged(deliver, look):
    for number in range(5):
        deliver(group_created(GroupId=f"x{number}"))
        deliver(group_created(GroupId=f"y{number}"))

    seen, address = [], "groups?id=x&limit=2"
    while address:
        page = look(address)
        seen += re.findall("/groups/(x.|y.)", page)
        following = re.search('<a href="/console/([^"]+)" rel="next">', page)
        address = following and following[1].replace("&amp;", "&")

    assert seen == ["x0", "x1", "x2", "x3", "x4"]


@pytest.mark.parametrize("prefix", ["a%", "a_", "A", "a\u241b", "a\0", "😀"])
def test_beginning_of_an_id_is_compared_exactly(deliver, look, prefix):
    for group_id in (f"{prefix}1", "ab1", "a"):
        deliver(group_created(GroupId=group_id))

    page = look(f"groups?id={quote(prefix)}")

    assert re.findall('href="/console/groups/([^?"]+)', page) == [quote(f"{prefix}1", safe="")]


def test_search_leads_to_the_one_with_that_id(deliver, client, look):
    deliver(group_created(GroupId="a/b #1", Name="Design"))
    deliver(group_created(GroupId="a/b #12", Name="Design"))
    deliver(channel_created(Official_Account="c", Name="Design"))

    client.set_cookie("lang", "en")
    assert 'href="/console/groups/a%2Fb%20%231"' in look("search?q=a/b%20%231", 302)
    assert look("search?q=Desi").count("<tr>") == 5
    assert "begins so" in look("search?q=desi")
    look("search?q=", 302)
    look("search", 302)


def test_group_that_was_disbanded_answers_who_when_and_who_was_in_it(deliver, look):
    deliver(group_destroyed(Operator_Account="administrator"))

    page = look("groups/%40TGS%232J4SZEAEL")

    ending = section(page, "ending")
    assert "Who did it administrator" in ending
    assert "When 2022-12-09 08:26:54" in ending
    assert "Members at the end: 3 leckie peter bob" in ending


def test_ending_says_so_where_nobody_is_named(deliver, look):
    deliver(group_destroyed())

    ending = section(look("groups/%40TGS%232J4SZEAEL"), "ending")

    assert "not told This callback does not say who did it." in ending


def test_many_members_are_shown_on_demand(deliver, look):
    members = [{"Member_Account": f"user {number}"} for number in range(501)]
    deliver(group_destroyed(GroupId="big", MemberList=members))

    page, everything = look("groups/big"), look("groups/big?members=all")

    assert "user 499" in page
    assert "user 500" not in page
    assert "Show all 501" in page
    assert "user 500" in everything


def test_timeline_tells_lives_apart(deliver, look):
    tell_two_lives(deliver, "again")

    timeline = section(look("groups/again"), "timeline")

    assert re.findall("Life (.) ", timeline) == ["2", "1"]
    assert "Name: First → Renamed" in timeline
    assert timeline.index("Second") < timeline.index("Renamed")


def test_state_at_a_date_is_of_the_life_it_falls_into(deliver, look):
    tell_two_lives(deliver, "again")

    at_end = look("groups/again?at=2023-11-17T00:00")
    in_second = look("groups/again?at=2023-11-18T00:00:00.000")
    before = look("groups/again?at=2023-11-14")

    assert "life 1 / 2" in plain(at_end)
    assert "administrator" in section(at_end, "ending")
    assert "Name Second" in section(in_second, "state")
    assert "ending" not in in_second
    assert "Nothing had been heard of it by then." in section(before, "state")


def test_timeline_is_paged(deliver, look):
    for number in range(52):
        deliver(group_changed(GroupId="a", Name=f"Name {number}", EventTime=START + number))

    page = look("groups/a")
    following = re.search('<a href="/console/([^"]+)" rel="next">', page)[1]

    assert section(page, "timeline").count("profile changed") == 50
    assert section(look(following), "timeline").count("profile changed") == 2
    deliver(group_created(GroupId="b", EventTime=1))
    look(following.replace("/a?", "/b?"), 400)
    look("groups/a?after=x", 400)


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


def test_delivery_shows_its_bytes_and_how_to_send_them_again(deliver, look, client):
    body = b'{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"it\'s"}'
    deliver(json.loads(body), data=body)

    page = look("deliveries/1")

    assert "&#34;GroupId&#34;: &#34;it&#39;s&#34;" in page
    assert "--data-binary &#39;{" in page
    assert "reached its member limit" in plain(page)
    raw = look("deliveries/1/body")
    assert raw.encode() == body


@pytest.mark.parametrize("body", [b"@/etc/passwd", b"\x1b[2J", b"\xff\0", "ü".encode(), b"a\nb"])
def test_bytes_a_terminal_would_obey_go_through_base64(deliver, look, body):
    deliver({"CallbackCommand": "Group.CallbackAfterGroupFull"}, data=body)

    page = plain(look("deliveries/1"))

    assert f"echo {b64encode(body).decode()} | base64 -d | curl -g" in page
    assert "--data-binary @-" in page


def test_invalid_delivery_shows_why(deliver, look):
    deliver(group_created(GroupId=5))

    assert "GroupId Not a valid string." in plain(look("deliveries/1"))


def test_repeat_leads_to_the_first_and_to_the_event(deliver, look):
    deliver(group_created())
    deliver(group_created())

    page = look("deliveries/2")

    assert '"/console/deliveries/1"' in page
    assert '"/console/groups/%40TGS%232J4SZEAEL?sdk_app_id=888888"' in page


def test_deliveries_are_filtered_by_verdict_command_and_time(deliver, look, clock):
    deliver(group_created())
    deliver({"CallbackCommand": "Group.CallbackAfterGroupFull"})
    clock.move(hours=1)
    deliver(channel_created())

    assert look("deliveries").count("<tr>") == 4
    assert look("deliveries?verdict=invalid").count("<tr>") == 2
    assert look("deliveries?command=Group.CallbackAfterCreateGroup&verdict=").count("<tr>") == 2
    assert look("deliveries?since=2026-11-21T07:30").count("<tr>") == 2
    assert look("deliveries?until=2026-11-21T07:30:00").count("<tr>") == 3
    look("deliveries?verdict=x", 400)
    look("deliveries?nonsense=1", 400)


def test_quarantine_shows_reason_and_body(deliver, look):
    deliver(group_created(), query={"SdkAppid": "1"})
    deliver(group_created(), query={"Sign": "0" * 64})

    page = plain(look("quarantine"))

    assert "unknown SDKAppID" in page
    assert "wrong signature" in page
    assert "MyFirstGroup" in page


def test_drift_leads_to_a_sample(deliver, look):
    deliver(group_created(Extra={"a": 1}))

    page = look("drift")

    assert "Extra object 1 / 1" in plain(page)
    assert '"/console/deliveries/1"' in page


def test_system_tells_what_the_service_stands_on(look, engine):
    page = plain(look("system"))

    assert f"Engine {engine.name}" in page
    assert "Callbacks that wait 0" in page


@pytest.mark.parametrize("address", ["nowhere", "deliveries/9", "groups/none", "a/b/c"])
def test_what_is_not_there_is_a_page_that_says_so(look, address):
    assert "404 Not Found" in plain(look(address, 404))
