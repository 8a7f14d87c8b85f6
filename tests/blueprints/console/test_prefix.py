"""The console behind a proxy that serves it under a prefix."""

import re
from dataclasses import replace
from ipaddress import ip_network

import pytest
from werkzeug.test import Client

from app import create_reader, join
from tests.conftest import KEY
from tests.payloads import channel_created, group_created, group_destroyed

PREFIX = {"X-Forwarded-Prefix": "/chatlog", "X-Forwarded-Proto": "https"}
ID = "%40TGS%23a%2F%2Fb"


@pytest.fixture
def ask(settings, clock, deliver):
    """Query a reader behind a proxy, which may strip the prefix or leave it."""
    for body in (group_created(GroupId="@TGS#a//b"), channel_created()):
        deliver(body)
    deliver(group_destroyed(GroupId="@TGS#a//b"))
    deliver(group_created(), query={"Sign": "0" * 64})
    app = create_reader(replace(settings, trusted_proxies=(ip_network("127.0.0.1"),)), now=clock)
    client = app.test_client()
    yield lambda path, key=KEY, **more: client.open(
        path, headers={**PREFIX, "Authorization": f"Bearer {key}"}, **more
    )
    app.extensions["runtime"].close()


PAGES = ("", "events?limit=1", "groups", f"groups/{ID}", f"groups/{ID}?at=2026-01-01T00:00:00Z")
PAGES += (
    "channels",
    "users/a%2Fb",
    "deliveries",
    "deliveries/1",
    "quarantine",
    "quarantine/1",
    "drift",
    "system",
)
PAGES += ("search?q=2026-11-25", "sign-in", "nowhere", "groups/nothing")


@pytest.mark.parametrize("kept", ["", "/chatlog"])
def test_links_of_every_page_keep_the_prefix(ask, kept):
    for page in PAGES:
        html = ask(f"{kept}/console/{page}").text

        found = re.findall(r'(?:href|src|action)="([^"]*)"', html)
        assert len(found) > 4, page
        assert [one for one in found if not one.startswith(("/chatlog/", "#"))] == [], page
        assert "/chatlog/chatlog" not in html


@pytest.mark.parametrize("kept", ["", "/chatlog"])
def test_links_lead_to_pages_that_are_there(ask, kept):
    seen, left = set(), {f"/chatlog/console/groups/{ID}"}
    while left:
        address = left.pop()
        seen.add(address)
        answer = ask(address if kept else address.removeprefix("/chatlog"), follow_redirects=False)
        assert answer.status_code in (200, 302), address
        if answer.mimetype == "text/html":
            links = re.findall(r'href="(/chatlog/console/(?!static)[^"#]*)', answer.text)
            left |= {link.replace("&amp;", "&") for link in links} - seen
        left = {one for one in left if "at=" not in one and "since=" not in one}

    assert len(seen) > 15
    assert "/chatlog/console/deliveries/3" in seen


@pytest.mark.parametrize(
    ("address", "location"),
    [
        ("/", "/chatlog/console/"),
        ("/console", "/chatlog/console/"),
        ("/console/search", "/chatlog/console/"),
        ("/console/search?q=@TGS%23a//b", f"/chatlog/console/groups/{ID}"),
    ],
)
def test_redirects_keep_the_prefix(ask, address, location):
    assert ask(address).location == location


def test_session_is_of_the_prefix_and_leads_back(ask):
    asked = f'value="/chatlog/console/groups/{ID}"'

    assert asked in ask(f"/console/groups/{ID}", key="").text
    form = {"key": KEY, "next": f"/chatlog/console/groups/{ID}"}
    answer = ask("/console/sign-in", method="POST", data=form)
    assert answer.location == form["next"]
    assert "; Path=/chatlog/console/" in answer.headers["Set-Cookie"]
    assert "; Secure" in answer.headers["Set-Cookie"]
    assert ask("/console/sign-out", method="POST").location == "/chatlog/console/sign-in"
    kept = ask("/console/preferences", method="POST", data={"lang": "en", **form})
    assert kept.location == form["next"]
    assert "; Path=/chatlog/console/" in kept.headers["Set-Cookie"]


def test_one_port_for_all_keeps_the_prefix_too(settings, receiver):
    reader = create_reader(replace(settings, trusted_proxies=(ip_network("127.0.0.1"),)))
    client = Client(join(receiver, reader))

    signed_in = client.post("/chatlog/console/sign-in", data={"key": KEY}, headers=PREFIX)
    posted = client.post("/chatlog/callback", headers=PREFIX)

    assert signed_in.headers["Location"] == "/chatlog/console/"
    assert posted.get_json()["ErrorCode"] == 40301
    reader.extensions["runtime"].close()


def test_addresses_of_the_api_keep_the_prefix(ask):
    assert ask("/history?limit=1").headers["Link"].startswith("</chatlog/history?limit=1&cursor=")
    assert ask(f"/chatlog/groups/{ID}").get_json()["subject_id"] == "@TGS#a//b"
    assert ask("/openapi.json").get_json()["servers"] == [{"url": "/chatlog"}]
    assert 'href="/chatlog/openapi.json"' in ask("/docs").text
