"""Features of all console lists: filters, counts, changes, next and previous pages."""

import re
from datetime import timedelta
from uuid import UUID

import pytest

from models.delivery import Command, Delivery
from services.reading.facets import MOST_COUNTED
from tests.blueprints.console.conftest import ON_EVERY_ENGINE
from tests.blueprints.console.html import next_page, plain
from tests.conftest import APP, KEY, NOW, OPEN_APP
from tests.health import store_rows
from tests.payloads import group_changed, group_created, group_destroyed, sample, topic_changed

START = 1_700_000_000_000


def at(minute):
    return START + minute * 60_000


def members(*names):
    return [{"Member_Account": name} for name in names]


def rows(page):
    """The cells of each row, except the first, which has the time."""
    found = re.findall("<tr>(.*?)</tr>", page.split("<tbody>")[-1], re.DOTALL)
    cells = [re.findall("<td.*?>(.*?)</td>", row, re.DOTALL) for row in found]
    return [[plain(cell) for cell in row[1:]] for row in cells]


def link(page, text):
    """The address of the link with this text, or none; a count may follow the text."""
    for address, content in re.findall(r'<a href="/console/([^"]+)"[^>]*>(.*?)</a>', page):
        if re.fullmatch(rf"{re.escape(text)}( [\d,]+\+?)?", plain(content)):
            return address.replace("&amp;", "&")
    return None


def counts(page):
    """The counts beside a list."""
    [found] = re.findall('<dl class="facets">(.*?)</dl>', page, re.DOTALL)
    return plain(found)


@ON_EVERY_ENGINE
def test_events_have_the_name_of_that_time_and_what_changed(deliver, look):
    group, joined = {"GroupId": "g"}, {"NewMemberList": members("bob", "eve")}
    deliver(group_created(**group, Name="A", Owner_Account="ada", EventTime=at(0)))
    renamed = {"Name": "B", "Notification": None, "Introduction": "New"}
    deliver(group_changed(**group, **renamed, EventTime=at(2)))
    deliver(sample("CallbackAfterNewMemberJoin", **group, **joined, EventTime=at(3)))
    owners = {"OldOwner_Account": "ada", "NewOwner_Account": "bob"}
    deliver(sample("CallbackAfterChangeGroupOwner", **group, **owners, EventTime=at(4)))
    deliver(topic_changed(**group, Name="Talk", EventTime=at(5)))
    deliver(group_destroyed(**group, MemberList=members("eve"), EventTime=at(6)))
    deliver(sample("CallbackAfterNewMemberJoin", **group, **joined, EventTime=at(1)))  # late
    deliver(group_created(**group, Name="C", Owner_Account="ada", EventTime=at(7)))
    deliver(group_changed(**group, Name="C", Notification=None, EventTime=at(8)))

    assert [row[:3] for row in rows(look("events"))] == [
        ["profile changed", "C g", "unchanged"],
        ["created", "C g", "2 members"],
        ["disbanded", "MyFirstGroup g", "1 member"],
        ["topic changed", "B g", "Talk"],
        ["owner changed", "B g", "Owner: ada → bob"],
        ["members added", "B g", "+2 members"],
        ["profile changed", "B g", "Name: A → B Introduction: New"],
        ["members added", "A g", "+2 members"],
        ["created", "A g", "2 members"],
    ]
    names = [row[1] for row in rows(look("events?action=members_added&action=topic_changed"))]
    assert names == ["B g", "B g", "A g"]


def test_type_that_was_known_before_is_no_change(deliver, look):
    deliver(sample("CallbackAfterNewMemberJoin", GroupId="g", Type="Public", EventTime=at(0)))
    deliver(group_changed(GroupId="g", Type="Public", Name="B", EventTime=at(1)))

    assert "Public" not in plain(look("events?action=profile_changed"))


def test_overview_and_delivery_have_the_name_of_that_time_too(deliver, look):
    deliver(group_created(GroupId="g", Name="A", EventTime=at(0)))
    deliver(sample("CallbackAfterGroupFull", GroupId="g", EventTime=at(1)))

    assert [row[1] for row in rows(look(""))] == ["A g", "A g"]
    assert "member limit reached 2023-11-14 22:14:20 A g" in plain(look("deliveries/2"))


@ON_EVERY_ENGINE
def test_same_id_in_two_apps_has_two_names(deliver, look):
    for app, name in ((APP, "Ours"), (OPEN_APP, "Theirs")):
        deliver(group_created(GroupId="g", Name=name), query={"SdkAppid": app})

    for page in ("", "events", "groups", "search?q=g", "users/leckie"):
        text = plain(look(page))
        assert (f"Ours g {APP}" in text, f"Theirs g {OPEN_APP}" in text) == (True, True), page
    assert [row[1] for row in rows(look(f"events?sdk_app_id={APP}"))] == ["Ours g"]


@pytest.fixture
def events(deliver):
    """Three groups that ada made and one that bob made; all but the first are disbanded."""
    for number, owner in enumerate(("ada", "ada", "bob", "ada")):
        body = {"GroupId": f"g{number}", "Name": "G", "Operator_Account": owner}
        deliver(group_created(**body, EventTime=at(number)))
        if number:
            deliver(group_destroyed(GroupId=f"g{number}", EventTime=at(10 + number)))


@ON_EVERY_ENGINE
def test_counts_of_events_lead_to_what_they_count(events, look):
    page = look("events")

    assert counts(page) == (
        "Found 7 Event created 4 destroyed 3 Operator not reported 3 ada 3 bob 1"
    )
    assert len(rows(look(link(page, "destroyed")))) == 3
    assert len(rows(look(link(page, "created")))) == 4


@ON_EVERY_ENGINE
def test_several_actions_can_be_chosen_at_once(events, deliver, look):
    deliver(sample("CallbackAfterGroupFull", GroupId="g0", EventTime=at(20)))

    page = look("events?action=created&action=full")

    assert len(rows(page)) == 5
    assert len(re.findall('name="action" value="(?:created|full)" checked', page)) == 2
    assert "Event created 4 member limit reached 1" in counts(page)


def test_filters_that_are_set_can_be_taken_away_one_by_one(events, look):
    page = look("events?action=created&action=destroyed&operator=ada&limit=2")

    chips = plain(re.search('<ul class="chips".*?</ul>', page, re.DOTALL)[0])
    assert chips.replace("\N{MULTIPLICATION SIGN}", "|") == (
        "Event: created | Event: destroyed | Operator: ada | Clear all"
    )
    first, _, third = re.findall('<a href="([^"]+)" title="Remove filter"', page)
    assert first == "/console/events?action=destroyed&amp;operator=ada&amp;limit=2"
    assert third == "/console/events?action=created&amp;action=destroyed&amp;limit=2"
    assert 'href="/console/events">Clear all</a>' in page
    assert 'class="chips"' not in look("events?limit=2")


def test_list_that_a_filter_empties_says_how_to_go_on(events, look):
    page = look("events?operator=nobody")

    assert "Nothing matches these filters. Clear all" in plain(page)
    assert link(page, "Clear all") == "events"
    assert "Nothing has arrived yet." in plain(look("quarantine"))


@ON_EVERY_ENGINE
@pytest.mark.parametrize("order", ["desc", "asc"])
def test_pages_lead_on_and_back(events, look, order):
    whole = [row[:2] for row in rows(look(f"events?order={order}"))]
    pages, address = [], f"events?limit=3&order={order}"
    while address:
        page = look(address)
        pages.append([row[:2] for row in rows(page)])
        address = next_page(page)
    assert [row for one in pages for row in one] == whole
    assert "Found 7 " in counts(page)  # on the last page as on the first

    for before in pages[-2::-1]:
        page = look(link(page, "Previous page"))
        assert [row[:2] for row in rows(page)] == before
    assert link(page, "Previous page") is None
    assert link(page, "CSV") == f"export/events?order={order}&format=csv"
    assert [row[:2] for row in rows(look(next_page(page)))] == pages[1]


@ON_EVERY_ENGINE
def test_counts_of_deliveries_lead_to_what_they_count(events, deliver, look):
    deliver({"CallbackCommand": "Group.CallbackAfterSendMsg"}, query={"SdkAppid": OPEN_APP})
    page = look("deliveries")

    assert "Verdict accepted 7 not a lifecycle event 1" in counts(page)
    assert f"SDKAppID {APP} 7 {OPEN_APP} 1" in counts(page)
    assert len(rows(look(link(page, "Group.CallbackAfterGroupDestroyed")))) == 3
    assert len(rows(look(link(page, OPEN_APP)))) == 1


@pytest.mark.parametrize("page", ["events", "groups", "deliveries"])
def test_what_no_query_can_ask_for_is_counted_without_a_link(events, deliver, look, page):
    odd = "a\ud800"
    deliver(group_created(GroupId="h", Operator_Account=odd, Owner_Account=odd, Type=odd))
    deliver({"CallbackCommand": odd}, query={"CallbackCommand": None})

    found = look(page)

    assert "aU+D800 1" in counts(found)
    assert link(found, "aU+D800") is None


@pytest.fixture
def refusals(deliver):
    """Two requests with a wrong signature, an expired one, and one that names no app of ours."""
    body = group_created()
    deliver(body, query={"Sign": "0" * 64})
    deliver(body, query={"Sign": "0" * 64})
    deliver(body, query={"SdkAppid": OPEN_APP}, address="/elsewhere")
    deliver(body, query={"SdkAppid": "1"})


@ON_EVERY_ENGINE
def test_counts_of_refusals_lead_to_what_they_count(refusals, look, read):
    page = look("quarantine")

    assert "Reason wrong signature 2" in counts(page)
    for text, count in (("wrong signature", 2), ("127.0.0.1", 1), (OPEN_APP, 1)):
        address = link(page, text)
        assert len(rows(look(address))) == count, text
        query = dict(one.split("=") for one in address.split("?")[1].split("&"))
        assert len(read("/quarantine", **query)["items"]) == count
    assert len(rows(look(f"quarantine?reason=sign_wrong&sdk_app_id={APP}"))) == 2
    look("quarantine?reason=x", 400)


@pytest.fixture
def groups(deliver_all):
    """Groups made in the order a, b, c, d; b is disbanded, then c; a changes last of all."""
    bodies = [
        group_created(GroupId=group_id, Name=None, EventTime=at(minute))
        for minute, group_id in enumerate("abcd")
    ]
    bodies.append(group_destroyed(GroupId="b", Name=None, EventTime=at(10)))
    bodies += [group_destroyed(GroupId="c", Name=None, EventTime=at(11))] * 2  # delivered twice
    bodies.append(sample("CallbackAfterGroupFull", GroupId="a", EventTime=at(12)))
    deliver_all(bodies)


def ids(page):
    return re.findall('<a href="/console/(?:group|channel)s/([^?"]+)[?]', page)


SORTED = (
    ("", "acbd"),
    ("?sort=created", "dcba"),
    ("?sort=ended", "cb"),
    ("?sort=id", "abcd"),
    ("?status=active", "ad"),
    ("?status=destroyed", "cb"),
    ("?status=destroyed&sort=created", "cb"),
    ("?owner=leckie", "acbd"),
    ("?id=b", "b"),
    ("?sort=name&status=active", "ad"),
    (f"?sdk_app_id={APP}", "acbd"),
    (f"?sdk_app_id={OPEN_APP}", ""),
)


@ON_EVERY_ENGINE
def test_groups_are_sorted(groups, look):
    for query, expected in SORTED:
        assert "".join(ids(look(f"groups{query}"))) == expected, query


@ON_EVERY_ENGINE
def test_sorted_groups_lead_on_and_back(groups, look):
    for sort in ("changed", "created", "ended", "id", "name"):
        whole, pages, address = ids(look(f"groups?sort={sort}")), [], f"groups?sort={sort}&limit=1"
        while address:
            page = look(address)
            pages.append(ids(page))
            address = next_page(page)
        assert [one for page in pages for one in page] == whole

        for before in pages[-2::-1]:
            page = look(link(page, "Previous page"))
            assert ids(page) == before
        assert link(page, "Previous page") is None
        assert link(page, "CSV") == f"export/groups?sort={sort}&format=csv"


@ON_EVERY_ENGINE
def test_group_that_is_made_anew_stands_where_its_present_life_does(groups, deliver, look):
    deliver(group_created(GroupId="b", Name="New", EventTime=at(20)))

    assert ids(look("groups?sort=created")) == [*"bdca"]
    assert ids(look("groups?sort=ended")) == ["c"]
    assert ids(look("groups?status=active")) == [*"bad"]


def test_same_id_in_two_apps_stands_twice(groups, deliver, look):
    deliver(group_created(GroupId="a", EventTime=at(5)), query={"SdkAppid": OPEN_APP})

    assert "".join(ids(look("groups"))) == "acbad"
    assert [row[-3] for row in rows(look("groups?limit=1"))] == ["2023-11-14 22:25:20"]


@ON_EVERY_ENGINE
def test_counts_of_groups_lead_to_what_they_count(groups, deliver, look):
    deliver(group_created(GroupId="e", Type="Private", Owner_Account="ada", EventTime=at(0)))
    deliver(group_created(GroupId="f", Type=None, EventTime=at(0)), query={"SdkAppid": OPEN_APP})
    page = look("groups")

    assert counts(page) == (
        f"Found 6 SDKAppID {APP} 5 {OPEN_APP} 1 Group type Public 4 - 1 Private 1"
        " Top owners leckie 5 ada 1"
    )
    for text, count in (("All", 6), ("active", 4), ("disbanded", 2), ("Public", 4), ("ada", 1)):
        assert len(ids(look(link(page, text)))) == count, text
    page = look("groups?status=destroyed&owner=leckie")
    assert counts(page) == "Found 2"
    assert "All 5 active 3 disbanded 2" in plain(page)
    assert "Found 2" in counts(look("groups?sort=ended"))


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_counts_of_a_long_list_are_of_the_newest(database_url, look, order):
    oldest = NOW - timedelta(days=1)
    received = {"sdk_app_id": APP, "peer": "", "query_string": "", "body": b""}
    store_rows(database_url, Command, [{"id": number, "name": str(number)} for number in range(2)])
    store_rows(
        database_url,
        Delivery,
        [
            received
            | {"id": number, "uuid": UUID(int=number), "received_at": oldest + timedelta(0, number)}
            | {"verdict": "unhandled" if number == 1 else "accepted", "command_id": number % 2}
            for number in range(1, MOST_COUNTED + 2)
        ],
    )

    found = counts(look(f"deliveries?order={order}"))

    assert found.startswith("Found 10,000+ The counts below are of the newest 10,000.")
    assert "Command 0 5,000 1 5,000" in found
    assert "not a lifecycle event" not in found


def test_address_of_an_event_leads_to_it_in_the_timeline_of_its_app(client, deliver, look):
    for app in (OPEN_APP, APP):
        deliver(group_created(GroupId="a/b#c"), query={"SdkAppid": app})

    answer = client.get("/console/events/2", headers={"Authorization": f"Bearer {KEY}"})

    address = f"/console/groups/a%2Fb%23c?sdk_app_id={APP}&event=2#event-2"
    assert (answer.status_code, answer.location) == (302, address)
    assert 'id="event-2"' in look(address.removeprefix("/console/").partition("#")[0])
    look("events/3", 404)
