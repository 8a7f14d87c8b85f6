"""One clock: the zone that was chosen."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs

import pytest

from blueprints.console.zone import UNITS, ZONES, find_zone
from tests.blueprints.console.html import plain
from tests.conftest import KEY, NOW
from tests.payloads import group_created

HEADERS = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
def choose(client):
    def choose(zone):
        client.post("/console/preferences", data={"zone": zone}, headers=HEADERS)

    return choose


def test_zones_that_are_offered_exist():
    assert all(map(find_zone, ZONES))


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Asia", "\0"]
)
def test_name_of_no_zone_is_utc(client, look, choose, name):
    choose(name)
    client.set_cookie("zone", name.replace("\0", ""), path="/console/")

    assert "All times are in UTC." in look("")


def test_zone_that_was_chosen_is_that_of_all_times(deliver, look, choose):
    deliver(group_created(GroupId="a", EventTime=None))
    choose("Asia/Shanghai")

    assert f"{NOW:%Y-%m-%d %H:%M:%S}" == "2026-11-21 07:00:00"
    for page in ("events", "deliveries", "groups", "groups/a", "deliveries/1"):
        shown = plain(look(page))
        assert "2026-11-21 15:00:00" in shown, page
        assert "2026-11-21 07:00:00" not in shown, page
        assert "UTC+8" in shown


def test_picked_time_is_of_the_zone_and_its_address_of_all(client, deliver, look, choose):
    deliver(group_created(EventTime=None))
    choose("America/Sao_Paulo")

    answer = client.get("/console/events?since=2026-11-21T04:00&owner=", headers=HEADERS)

    assert answer.location == "/console/events?since=2026-11-21T07%3A00%3A00Z"
    page = look(answer.location.removeprefix("/console/"))
    assert page.count("<tr>") == 2
    assert 'name="since" value="2026-11-21T04:00"' in page
    assert look("events?since=2026-11-21T04:01").count("<tr>") == 0


@pytest.mark.parametrize(
    ("zone", "picked"),
    [
        ("UTC", "2026-02-30T00:00"),
        ("UTC", "2026-11-21T25:00"),
        ("Asia/Shanghai", "0001-01-01T00:00"),
        ("America/New_York", "9999-12-31T23:59"),
    ],
)
def test_picked_time_that_does_not_exist_is_refused(look, choose, zone, picked):
    choose(zone)

    assert "Invalid parameters." in look(f"events?since={picked}", 400)


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (timedelta(0), "0 seconds ago"),
        (timedelta(seconds=1), "1 second ago"),
        (timedelta(seconds=119), "119 seconds ago"),
        (timedelta(minutes=2), "2 minutes ago"),
        (timedelta(hours=47), "47 hours ago"),
        (timedelta(days=400), "400 days ago"),
        (timedelta(seconds=-1), "in the future"),
    ],
)
def test_age_is_told_in_the_largest_unit(deliver, look, clock, passed, said):
    deliver(group_created(EventTime=None))
    clock.move(seconds=passed.total_seconds())

    titles = re.findall('<time [^>]*title="[^,"]*, ([^"]*)"', look("events"))

    assert set(titles) == {said}
    assert [*UNITS] == ["day", "hour", "minute", "second"]


@pytest.mark.parametrize(
    ("zone", "hour", "night", "yesterday"),
    [
        ("UTC", 7, ("2026-11-20T22", "2026-11-21T06"), "2026-11-20T00"),
        ("Asia/Shanghai", 7, ("2026-11-20T14", "2026-11-20T22"), "2026-11-19T16"),
        ("UTC", 22, ("2026-11-21T22", "2026-11-22T06"), "2026-11-20T00"),
    ],
)
def test_presets_are_of_the_zone(look, choose, clock, zone, hour, night, yesterday):
    clock.move(hours=hour - NOW.hour)
    choose(zone)

    presets = dict(re.findall('href="[^"]*[?]([^"]*)"[^>]*>([^<]*)</a>', look("deliveries")))
    periods = {label: parse_qs(unescape(query)) for query, label in presets.items()}

    assert periods["Last night"] == {
        "since": [f"{night[0]}:00:00Z"],
        "until": [f"{night[1]}:00:00Z"],
    }
    assert periods["Yesterday"]["since"] == [f"{yesterday}:00:00Z"]
    assert "until" not in periods["Today"]
