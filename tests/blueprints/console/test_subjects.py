"""The page of one channel or group."""

import gc
import re
from html import unescape
from urllib.parse import quote

import pytest

from tests.blueprints.console.conftest import ON_EVERY_ENGINE
from tests.blueprints.console.html import next_page, plain, section
from tests.conftest import KEY, OPEN_APP
from tests.payloads import (
    channel_changed,
    group_changed,
    group_created,
    group_destroyed,
    sample,
    topic_changed,
)

DAY_MS = 86_400_000
START = 1_700_000_000_000


def tell_two_lives(deliver, group_id):
    """Create, change and disband a group, and create it again."""
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
    assert re.match("Disbanded 2022-12-09 08:26:54 .* by administrator · RESTAPI 127.0.0.1", ending)
    assert "Original request: Delivery 1" in ending
    members = section(page, "members")
    assert members.startswith("Members when disbanded (3) ")
    assert "leckie peter bob Download" in members


def test_ending_says_so_where_nobody_is_named(deliver, look):
    deliver(group_destroyed())

    ending = section(look("groups/%40TGS%232J4SZEAEL"), "ending")

    assert "operator not reported" in ending
    assert "This callback does not name the operator." in ending


def test_head_tells_an_active_group_by_its_facts(deliver, look):
    for number, name in enumerate(["First", "Second", "First", "Third", "Fourth"]):
        day = {"GroupId": "a", "Name": name, "EventTime": START + number * DAY_MS}
        deliver(group_changed(**day) if number else group_created(**day))

    head = section(look("groups/a"), "name")

    assert head.startswith("Group Fourth active a")
    assert (
        "Formerly Third (to 2023-11-18 22:13:20) · First (to 2023-11-17 22:13:20)"
        " · Second (to 2023-11-16 22:13:20) Created 2023-11-14 22:13:20" in head
    )
    assert "by group_root · RESTAPI 127.0.0.1 Owner leckie Group type Public" in head
    assert "Members 2 as far as reported Last event 2023-11-18 22:13:20 profile changed" in head


def test_many_former_names_lead_to_the_timeline(deliver, look):
    for number in range(13):
        deliver(group_changed(GroupId="a", Name=f"Name {number}", EventTime=START + number))

    page = look("groups/a")

    assert "Name 2 (to 2023-11-14 22:13:20) · 2 more" in section(page, "name")
    more = re.search('href="/console/(groups/a[?]show=names)#timeline">2 more', page)[1]
    assert "Name 0 → Name 1" in section(look(more), "timeline")


def test_text_for_a_ticket_says_it_in_a_sentence(deliver, look, client):
    client.set_cookie("zone", "Asia/Shanghai", path="/console/")
    tell_two_lives(deliver, "a<b>")

    present, past = look("groups/a%3Cb%3E"), look("groups/a%3Cb%3E?at=2023-11-17")

    texts = [re.search('data-text="(Group [^"]+)"', page)[1] for page in (present, past)]
    assert [unescape(text) for text in texts] == [
        "Group Second (a<b>) was created by group_root at 2023-11-18 06:13:20 (Asia/Shanghai).",
        "Group Renamed (a<b>) was disbanded by administrator"
        " at 2023-11-17 06:13:20 (Asia/Shanghai).",
    ]


def test_first_members_are_shown_and_all_on_demand(deliver, look):
    members = [{"Member_Account": f"user {number}"} for number in range(1001)]
    deliver(group_destroyed(GroupId="big", MemberList=members))

    page, everything = look("groups/big"), look("groups/big?members=all")

    assert "user 19" in section(page, "members")
    assert "user 20" not in page
    assert "Show all 1,001" in page
    assert page.index('id="timeline"') < page.index('class="members"')
    assert "user 1000" in everything
    assert "Show all" not in everything


@ON_EVERY_ENGINE
def test_members_follow_from_who_joined_and_left(deliver, look):
    people = [{"Member_Account": name} for name in ("ann", "bob", "cy", "dan")]
    for number, (command, users) in enumerate(
        [("NewMemberJoin", people), ("MemberExit", people[:2]), ("NewMemberJoin", people[:1])]
    ):
        said = {"EventTime": START + number * DAY_MS, "GroupId": "a", "ExitMemberList": users}
        deliver(sample(f"CallbackAfter{command}", **said, NewMemberList=users))

    members = section(look("groups/a"), "members")
    then = section(look("groups/a?at=2023-11-16T00:00"), "state")

    assert members.startswith("Members (3 as far as reported) No callback lists all")
    assert "ann cy dan Download" in members
    assert "Members 2 as far as reported" in then


@ON_EVERY_ENGINE
def test_first_members_are_shown_where_all_are_too_many_to_count(deliver, look, monkeypatch):
    monkeypatch.setattr("services.subjects.members.FEW_MENTIONS", 5)
    monkeypatch.setattr("services.subjects.members.MOST_MENTIONS", 8)
    people = [{"Member_Account": f"user {number}"} for number in range(8)]
    joined = {"GroupId": "a", "NewMemberList": people, "EventTime": START}
    left = {"GroupId": "a", "ExitMemberList": people[:2], "EventTime": START + 1}
    deliver(sample("CallbackAfterNewMemberJoin", **joined))
    deliver(sample("CallbackAfterMemberExit", **left))

    few, members = look("groups/a?members=all"), section(look("groups/a"), "members")

    assert members.startswith("Members (too many to count) No callback lists all")
    assert "user 2 user 3 user 4 user 5 Download" in members
    assert "The first 4 are shown." in few


@ON_EVERY_ENGINE
def test_user_is_found_among_the_members(deliver, look):
    members = [{"Member_Account": f"user {number}"} for number in range(30)]
    join = sample("CallbackAfterNewMemberJoin", GroupId="a", EventTime=START)
    deliver(join | {"NewMemberList": [*members, {"Member_Account": "guest"}]})
    deliver(group_destroyed(GroupId="a", MemberList=members, EventTime=START + DAY_MS))

    inside = section(look("groups/a?member=user+29"), "members")
    gone, unknown = (section(look(f"groups/a?member={one}"), "members") for one in ("guest", "x"))

    assert "Yes: user 29 is among them. 2023-11-15 22:13:20 disbanded 2023-11-14" in inside
    assert "No: guest is not among them. 2023-11-14 22:13:20 members added" in gone
    assert "No: x is not among them. No event names this user." in unknown


@ON_EVERY_ENGINE
def test_members_are_a_file(deliver, look, client):
    members = [{"Member_Account": name} for name in ("z", "a", "two\nlines", "é\ud800")]
    deliver(group_destroyed(GroupId="a", MemberList=members, EventTime=START))
    deliver(group_created(GroupId="a", EventTime=START + DAY_MS))
    headers = {"Authorization": f"Bearer {KEY}"}

    ended = client.get("/console/groups/a/members.txt?life=1", headers=headers)

    assert ended.data.decode() == 'z\na\n"two\\nlines"\né\\ud800\n'
    assert ended.headers["Content-Disposition"] == "attachment; filename=group-a-members.txt"
    assert look("groups/a/members.txt") == "bob\npeter\n"
    look("groups/a/members.txt?life=3", 404)
    look("groups/b/members.txt", 404)


@ON_EVERY_ENGINE
def test_timeline_tells_lives_apart(deliver, look):
    tell_two_lives(deliver, "again")

    timeline = section(look("groups/again"), "timeline")

    assert re.findall("Group (.) of 2 with this ID", timeline) == ["2", "1"]
    assert "Name: First → Renamed" in timeline
    assert timeline.index("Second") < timeline.index("Renamed")


@ON_EVERY_ENGINE
def test_state_at_a_date_is_of_the_life_it_falls_into(deliver, look):
    tell_two_lives(deliver, "again")

    at_end = look("groups/again?at=2023-11-17T00:00")
    in_second = look("groups/again?at=2023-11-18T00:00:00.000")
    before = look("groups/again?at=2023-11-14")

    assert "Group 1 of 2 with this ID" in section(at_end, "name")
    assert "administrator" in section(at_end, "ending")
    assert "Name Second" in section(in_second, "state")
    assert 'id="ending"' not in in_second
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
    look("groups/a?event=x", 400)


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


@pytest.mark.parametrize(
    "group_id", ["a/b", "/", "a/versions", "%2F", "a?b#c", "é", "x y", "😀", "half \ud83d"]
)
def test_subject_is_found_by_any_id(deliver, look, group_id):
    deliver(group_created(GroupId=group_id))

    [link] = re.findall('href="/console/(groups/[^?"]+)', look("groups"))

    assert link == f"groups/{quote(group_id, safe='', errors='surrogatepass')}"
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


@ON_EVERY_ENGINE
def test_timeline_of_members_neither_skips_nor_repeats(deliver, look):
    for number in range(90):
        join = sample("CallbackAfterNewMemberJoin", GroupId="a", EventTime=START + number // 2)
        leave = sample("CallbackAfterMemberExit", GroupId="a", EventTime=START + number // 2)
        deliver([group_changed(GroupId="a", Name=f"{number}"), join, leave][number % 3])

    page = look("groups/a?show=members")
    older = look(next_page(page))
    back = re.search('href="/console/([^"]+)#timeline" rel="prev"', older)[1]
    newer = look(unescape(back))

    ids = [re.findall(r'<li id="event-(\d+)">', one) for one in (page, older, newer)]
    expected = [str(number + 1) for number in range(90) if number % 3][::-1]
    assert ids == [expected[:50], expected[50:], expected[:50]]


def test_ending_without_a_list_of_members_does_not_say_that_there_were_none(deliver, look):
    deliver(group_destroyed(GroupId="community", Type="Community", MemberList=None))

    members = section(look("groups/community"), "members")

    assert members.startswith("Members (not reported) No callback lists all")
    assert "(0)" not in members


def test_end_that_is_told_twice_does_not_come_later(deliver, look, clock):
    deliver(group_destroyed(GroupId="a", EventTime=None))
    clock.move(minutes=5)
    deliver(group_destroyed(GroupId="a", EventTime=None))

    ending = section(look("groups/a"), "ending")

    assert "Disbanded 2026-11-21 07:00:00" in ending
    assert "Original request: Delivery 1" in ending


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
    assert "GroupAttr: key1: value1 key2: values" in timeline


@ON_EVERY_ENGINE
def test_users_of_a_step_are_counted_and_the_first_are_told(deliver, look):
    members = [{"Member_Account": f"user {number}"} for number in range(25)]
    deliver(sample("CallbackAfterNewMemberJoin", GroupId="a", NewMemberList=members))

    timeline = section(look("groups/a"), "timeline")

    assert "user 4 … +20" in timeline
    assert "user 5" not in timeline


@ON_EVERY_ENGINE
def test_file_of_members_that_is_broken_off_leaves_no_result_open(deliver, client, recwarn):
    members = [{"Member_Account": f"user {number}"} for number in range(2500)]
    deliver(group_destroyed(GroupId="a", MemberList=members))

    answer = client.get("/console/groups/a/members.txt", headers={"Authorization": f"Bearer {KEY}"})
    next(answer.iter_encoded())
    answer.close()
    gc.collect()

    assert [str(one.message) for one in recwarn] == []


def test_owner_is_told_once(deliver, look):
    for number, owner in enumerate(["user2", "user3"]):
        change = {"NewOwner_Account": owner, "EventTime": START + number}
        deliver(sample("CallbackAfterChangeGroupOwner", GroupId="a", **change))

    timeline = section(look("groups/a"), "timeline")

    assert "Owner: user1 → user2" in timeline
    assert "NewOwner_Account" not in timeline
    # The previous owner was another one: a callback is missing, and the page shows that.
    assert timeline.count("OldOwner_Account: user1") == 1


def test_change_that_changes_nothing_says_so(deliver, look):
    for number in range(2):
        deliver(channel_changed(Official_Account="a", EventTime=START + number))

    timeline = section(look("channels/a"), "timeline")

    assert timeline.count("Organization: unchanged") == 1
    assert "Organization: NewOrganization" in timeline


def test_cleared_field_is_called_cleared_everywhere(deliver, look):
    for number, text in enumerate(["text", ""]):
        deliver(group_changed(GroupId="a", Notification=text, EventTime=START + number))

    page = look("groups/a")

    assert "Notification: text → cleared" in section(page, "timeline")
    assert "Notification cleared" in section(page, "state")
    assert "unchanged" not in page  # the type of the group comes with every callback
    assert "&#34;&#34;" not in page


def test_long_text_is_there_in_full(deliver, look):
    text = " ".join(f"word{number}" for number in range(400))
    deliver(group_changed(GroupId="a", Notification=text))

    page = look("groups/a")

    assert text in section(page, "state")
    assert text in section(page, "timeline")
    assert "code-point" not in page


def test_lists_of_a_body_are_laid_out_and_long_ones_folded(deliver, look):
    info = {"Role": "Admin", "NameCard": "cy", "Tags": ["a", "b"]}
    pairs = [{"Key": f"k{number}", "Value": "v"} for number in range(22)]
    deliver(group_created(GroupId="a", UserDefinedDataList=pairs, MemberInfo=info))

    timeline = section(look("groups/a"), "timeline")

    assert 'MemberInfo: Role: Admin NameCard: cy Tags: ["a","b"]' in unescape(timeline)
    assert "UserDefinedDataList: k0: v k1: v " in timeline
    assert "k19: v +2 k20: v k21: v" in timeline


def test_repeats_and_missing_times_are_told_in_words(deliver, look):
    for _ in range(2):
        deliver(group_destroyed(GroupId="a", EventTime=None))

    timeline = section(look("groups/a"), "timeline")

    assert "Delivery 1 · delivered 2 times" in timeline
    assert "2026-11-21 07:00:00 (time of arrival) disbanded" in timeline


@ON_EVERY_ENGINE
def test_timeline_is_narrowed_to_names_owner_or_members(deliver, look):
    deliver(group_created(GroupId="a", EventTime=START))
    deliver(group_changed(GroupId="a", Name="B", EventTime=START + 1))
    deliver(group_changed(GroupId="a", Introduction="x", EventTime=START + 2))
    deliver(sample("CallbackAfterNewMemberJoin", GroupId="a", EventTime=START + 3))

    pages = {part: section(look(f"groups/a?show={part}"), "timeline") for part in PARTS}

    assert {part: page.count("Delivery") for part, page in pages.items()} == PARTS
    assert "All 4 Names 2 Owner 1 Members 1" in pages["names"]
    look("groups/a?show=others", 400)


PARTS = {"all": 4, "names": 2, "owner": 1, "members": 1}


def test_event_has_an_address_that_stays_and_the_first_is_one_step_away(deliver, look):
    for number in range(120):
        deliver(group_changed(GroupId="a", Name=f"Name {number}", EventTime=START + number))

    page = look("groups/a")
    link = re.search('href="/console/(groups/a[?]event=71)#event-71"', page)[1]
    first = look(re.search('href="/console/([^"]+)#timeline" rel="last"', page)[1])

    assert re.findall('<li id="event-(.*?)">', look(link))[0] == "71"
    shown = re.findall('<li id="event-(.*?)">', first)
    assert (shown[0], shown[-1], len(shown)) == ("50", "1", 50)
    newer = re.search('href="/console/([^"]+)#timeline" rel="prev"', first)[1]
    assert re.findall('<li id="event-(.*?)">', look(newer))[0] == "100"


def test_slider_and_steps_lead_from_state_to_state(deliver, look, client):
    tell_two_lives(deliver, "a")
    deliver(sample("CallbackAfterNewMemberJoin", GroupId="a", EventTime=START + 4 * DAY_MS))

    now, second = look("groups/a"), look("groups/a?version=2&show=names")

    assert "Change 4 of 4" in section(now, "state")
    assert 'label="2023-11-15 22:13:20 profile changed: Renamed"' in now
    assert "Change 2 of 4" in section(second, "state")
    assert "Name Renamed 2023-11-15 22:13:20 by leckie" in section(second, "state")
    step = re.search('href="/console/([^"]+)#state">(?:← )?previous change', second)[1]
    assert "Name First 2023-11-14" in section(look(unescape(step)), "state")
    step = re.search('href="/console/([^"]+)#state">next change', second)[1]
    assert "State at 2023-11-16 22:13:20" in section(look(unescape(step)), "state")
    assert "Change 4 of 4" in section(look("groups/a?version=99"), "state")
    answer = client.get("/console/groups/a?version=2", headers={"Authorization": f"Bearer {KEY}"})
    assert answer.location == "/console/groups/a?at=2023-11-15T22%3A13%3A20%2B00%3A00"


def test_version_of_a_subject_that_has_none_is_not_found(deliver, look):
    deliver(sample("CallbackAfterAddSubscriber", Official_Account="c"))

    look("channels/c?version=1", 404)


def test_steps_do_not_stand_still_where_changes_share_an_instant(deliver, look):
    for number in range(3):
        deliver(group_changed(GroupId="a", Name=f"Name {number}", EventTime=START + number // 2))

    page = look("groups/a?at=2023-11-14T22:13:20.000Z")

    assert "Change 2 of 3" in section(page, "state")
    assert "previous change" not in page


def test_earlier_group_with_this_id_is_told_as_well_as_the_last(deliver, look):
    tell_two_lives(deliver, "a")

    page = look("groups/a")
    earlier = section(page, "life-1")

    assert earlier.startswith("Earlier group with this ID (1 of 2) Renamed Disbanded 2023-11-16")
    assert "by administrator" in earlier
    assert "Formerly First (to 2023-11-15 22:13:20) Created 2023-11-14 22:13:20" in earlier
    assert "Members 3 leckie peter bob Download" in earlier
    then = re.search('<h2 id="life-1">.*?<a href="/console/([^"]+)"', page, re.DOTALL)[1]
    assert "Go to the latest" in section(look(unescape(then)), "name")
    assert 'href="/console/groups/a/members.txt?life=1"' in page
