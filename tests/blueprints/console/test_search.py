"""Search: what people type leads to what they mean, on every database."""

from urllib.parse import quote, unquote

import pytest

from models.tables import Delivery
from tests.blueprints.console.conftest import ON_EVERY_ENGINE
from tests.blueprints.console.html import plain, section
from tests.conftest import APP, KEY, OPEN_APP
from tests.payloads import (
    channel_changed,
    channel_created,
    group_changed,
    group_created,
    group_destroyed,
)

TOWN, SHARED = "@TGS#BIGTOWN00", "@TGS#SHARED001"
NAMES = ("Bigtown Neighbours", "Bigtown & Surroundings", "大镇邻里 Bigtown", "Bigtown Official")
OTHERS = {
    "@TGS#PRODUCT01": "产品讨论组",
    "@TGS#LUNCH0001": "我们的家",
    "@TGS#ARABIC001": "مجموعة العائلة",
    "@TGS#PARTY0001": "🎉🎉 Party",
    "room/1": "Family of three",
    "@TGS#SCRIPT001": "<script>alert(1)</script>",
    "@TGS#INVISIBLE": "zero\u200bwidth",
    "@TGS#FORMULA01": '=HYPERLINK("x")',
    "@TGS#DISCOUNT1": "50% off",
}
DAY = 86_400_000
START = 1_764_000_000_000  # 2025-11-24T16:00:00Z


@pytest.fixture
def story(deliver, rows):
    """The life of a group that was renamed and disbanded, and other subjects; the last delivery."""
    for group_id, name in OTHERS.items():
        deliver(group_created(GroupId=group_id, Name=name, EventTime=START))
    for app in (APP, OPEN_APP):
        deliver(group_created(GroupId=SHARED, Name="Twin"), query={"SdkAppid": app})
    news = {"Official_Account": "@TOA#_busy_news", "Name": "Busy News"}
    deliver(channel_created(**news, EventTime=START))
    picture = "https://cdn.example.com/398.png"
    deliver(channel_changed(**news, FaceUrl=picture, EventTime=START + DAY))
    town = {"GroupId": TOWN, "Owner_Account": "zhang.min"}
    deliver(group_created(**town, Operator_Account="zhang.min", Name=NAMES[0], EventTime=START))
    for day, name in enumerate(NAMES[1:], 1):
        deliver(group_changed(**town, Name=name, EventTime=START + day * DAY))
    ended = {"Operator_Account": "bot_cleanup", "EventTime": START + 4 * DAY}
    members = [{"Member_Account": f"u{number:05}"} for number in range(40, 45)]
    deliver(group_destroyed(**town, **ended, Name=NAMES[-1], MemberList=members))
    return rows(Delivery)[-1]


@pytest.fixture
def lead(client):
    """Search as a browser does; return the address of the final page, and its HTML."""

    def search(text):
        answer = client.get(
            f"/console/search?q={quote(text)}",
            headers={"Authorization": f"Bearer {KEY}"},
            follow_redirects=True,
        )
        assert answer.status_code == 200, (text, answer.text)
        return unquote(answer.request.full_path).rstrip("?"), answer.text

    return search


def list_searches(last):
    """Searches as people type them, each with a part of the resulting address or page."""
    town, number = f"/console/groups/{TOWN}", str(last.id)
    nothing = "Search covers any part"
    command = "Group.CallbackAfterGroupDestroyed"
    return {
        TOWN: town,
        f"  {TOWN}  ": town,
        f"{TOWN}\n": town,
        TOWN.lower(): town,
        "TGS#BIGTOWN00": town,
        "BIGTOWN00": town,
        "#BIGTOWN00": town,
        quote(TOWN, safe=""): town,
        "Bigtown": town,
        "bigtown": town,
        "BIGTOWN": town,
        "Neighbours": town,
        "Surroundings": town,
        "Official": town,
        NAMES[0]: town,
        NAMES[1]: town,
        "zhang.min": "/console/users/zhang.min",
        "bot_cleanup": "/console/users/bot_cleanup",
        "u00042": "/console/users/u00042",
        number: f"/console/deliveries/{number}",
        f"Delivery {number}": f"/console/deliveries/{number}",
        str(last.uuid): f"/console/deliveries/{number}",
        last.uuid.hex: f"/console/deliveries/{number}",
        "90.35.8.246": "IP addresses are not searched.",
        "产品": "/console/groups/@TGS#PRODUCT01",
        "讨论组": "/console/groups/@TGS#PRODUCT01",
        "家": "/console/groups/@TGS#LUNCH0001",
        "مجموعة": "/console/groups/@TGS#ARABIC001",
        "🎉": "/console/groups/@TGS#PARTY0001",
        "🎉🎉 Party": "/console/groups/@TGS#PARTY0001",
        "AfterGroupDestroyed": f"/console/deliveries?command={command}",
        command: f"/console/deliveries?command={command}",
        APP: f"/console/events?sdk_app_id={APP}",
        "disbanded": "/console/events?action=destroyed&subject_type=group",
        "解散": "/console/events?action=destroyed&subject_type=group",
        "room/": "/console/groups/room/1",
        "ROOM": "/console/groups/room/1",
        "family": "/console/groups/room/1",
        "x" * 300: "This is longer than any ID",
        "<script>alert(1)</script>": "/console/groups/@TGS#SCRIPT001",
        "' OR 1=1 --": nothing,
        "@TGS#": "/console/groups/%40TGS%23BIGTOWN00?",
        "%": "/console/groups/@TGS#DISCOUNT1",
        "_": "/console/channels/%40TOA%23_busy_news?",
        "zero width": "/console/groups/@TGS#INVISIBLE",
        "zero\u200bwidth": "/console/groups/@TGS#INVISIBLE",
        "=HYPERLINK": "/console/groups/@TGS#FORMULA01",
        SHARED: f"/console/groups/%40TGS%23SHARED001?sdk_app_id={OPEN_APP}",
        "2025-11-25": "events?since=2025-11-25T00:00:00Z&amp;until=2025-11-26T00:00:00Z",
        "https://cdn.example.com/398.png": "Introductions, pictures and other fields",
        f'"{TOWN}"': town,
        f"GroupId={TOWN}": town,
        f"https://log.example.com/console/groups/{quote(TOWN, safe='')}?sdk_app_id={APP}": town,
    }


def test_owner_that_no_callback_names_is_not_reported(deliver, look):
    for number in (1, 2):
        deliver(group_changed(GroupId=f"@TGS#{number}", Name="Known by its name"))

    assert section(look("search?q=known"), "group").count("active not reported") == 2


@ON_EVERY_ENGINE
def test_what_people_type_leads_to_what_they_mean(story, lead):
    missed = {}
    for text, expected in list_searches(story).items():
        address, page = lead(text)
        if expected not in (address, address.partition("?")[0]) and expected not in page:
            missed[text] = address, expected

    assert missed == {}


def test_group_is_found_by_a_name_that_it_had_and_the_page_says_when(story, lead, deliver):
    deliver(group_created(GroupId="other", Name="Neighbours of another town"))

    address, page = lead("neighbours")

    assert address == "/console/search?q=neighbours"
    former = "called Bigtown Neighbours from 2025-11-24 16:00:00 until 2025-11-25 16:00:00"
    assert former in section(page, "group")
    # The name with this beginning is the better match, although its label is newer.
    assert page.index("Neighbours of another town") < page.index("called")


def test_the_very_id_is_opened_though_others_begin_so(story, lead, deliver):
    deliver(group_created(GroupId=f"{TOWN}1", Name="Bigtown Suburbs"))

    assert lead(TOWN)[0] == f"/console/groups/{TOWN}"
    assert lead("bigtown0")[0] == "/console/search?q=bigtown0"


def test_no_more_are_shown_than_can_be_read(deliver, lead):
    for number in range(21):
        deliver(group_created(GroupId=f"g{number}", Name="Alike"))

    page = lead("alike")[1]

    assert page.count("<tr>") == 1 + 20
    assert "There are more." in plain(page)


def test_words_of_both_languages_lead_to_the_events(story, lead):
    for word in ("Disbanded", "已解散", "destroyed"):
        assert lead(word)[0].startswith("/console/events?action=destroyed"), word


def test_nothing_typed_leads_to_the_first_page(look):
    assert look("search?q=") == look("search") == look("")
