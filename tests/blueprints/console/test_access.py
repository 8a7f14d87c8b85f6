"""Access to the console."""

import re
from base64 import b64encode
from hashlib import sha256
from html import unescape
from time import time

import pytest

from blueprints.console.access import SESSION_SECONDS, serializer
from config import ApiKey, Scope
from tests.conftest import KEY, OTHER_KEY
from tests.payloads import group_created, group_destroyed

PAGES = [
    f"/console/{page}"
    for page in (
        "",
        "health",
        "groups",
        "groups/%40TGS%232J4SZEAEL",
        "groups/unknown",
        "events",
        "users/leckie",
        "search?q=e",
        "search?q=%231",
        "search?q=Group.CallbackAfterCreateGroup",
        "deliveries",
        "deliveries/1",
        "quarantine",
        "quarantine/1",
        "drift",
        "readings",
        "system",
    )
]


def sign_in(client, key=KEY, **form):
    return client.post("/console/sign-in", data={"key": key, **form})


def cookie_of(answer):
    [cookie] = [one for one in answer.headers.getlist("Set-Cookie") if one.startswith("console=")]
    return cookie


def test_console_wants_a_key_and_shows_where_to_enter_it(client):
    answer = client.get("/console/groups/%40TGS%23a%2Fb?at=2026-01-01T00:00:00Z")

    assert answer.status_code == 401
    schemes = [one.partition(" ")[0] for one in answer.headers.getlist("WWW-Authenticate")]
    assert schemes == ["Bearer", "Basic"]
    assert 'value="/console/groups/%40TGS%23a%2Fb?at=2026-01-01T00:00:00Z"' in answer.text


@pytest.mark.parametrize("key", [KEY, OTHER_KEY])
def test_key_opens_as_password(client, key):
    credentials = b64encode(f"anybody:{key}".encode()).decode()

    answer = client.get("/console/", headers={"Authorization": f"Basic {credentials}"})

    assert answer.status_code == 200


def test_signing_in_leaves_a_session_and_leads_back(client):
    answer = sign_in(client, next="/console/groups?owner=a")

    assert (answer.status_code, answer.location) == (303, "/console/groups?owner=a")
    attributes = set(cookie_of(answer).split("; ")[1:])
    assert {"HttpOnly", "SameSite=Lax", "Path=/console/"} <= attributes
    assert KEY not in cookie_of(answer)
    assert client.get("/console/").status_code == 200


def test_session_over_https_stays_there(client):
    answer = client.post(
        "/console/sign-in", data={"key": KEY}, environ_overrides={"wsgi.url_scheme": "https"}
    )

    assert "; Secure" in cookie_of(answer)


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "https://evil.example/console/",
        "/history",
        "/\\evil",
        "",
        "/console/\r\nX: y",
    ],
)
def test_signing_in_leads_nowhere_else(client, address):
    assert sign_in(client, next=address).location == "/console/"


@pytest.mark.parametrize("form", ["sign-in", "sign-out", "preferences"])
def test_form_of_another_site_does_nothing(client, form):
    """Or it could sign a reader in with a key of its own, whose name its readings would have."""
    data = {"key": KEY, "lang": "zh-CN"}
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 303)):
        sign_in(client)
        headers = {"Sec-Fetch-Site": site}
        answer = client.post(f"/console/{form}", data=data, headers=headers)
        assert (answer.status_code, "Set-Cookie" in answer.headers) == (status, status == 303)
        assert ("This form is from another site." in answer.text) == (status == 403)


@pytest.mark.parametrize("key", ["", "x", KEY + "x", "tests"])
def test_wrong_key_leaves_no_session(client, key):
    answer = sign_in(client, key)

    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert 'role="alert"' in answer.text


def test_session_opens_the_console_only(client):
    sign_in(client)

    assert client.get("/history").status_code == 401


def test_session_ends_when_its_key_is_taken_out(client, settings):
    sign_in(client, OTHER_KEY)
    cookie = client.get_cookie("console", path="/console/").value
    object.__setattr__(settings, "api_keys", (ApiKey("other", "a-new-key"),))

    answer = client.get("/console/groups", headers={"Cookie": f"console={cookie}"})

    assert answer.status_code == 401
    assert [one.partition(" ")[0] for one in answer.headers.getlist("WWW-Authenticate")] == [
        "Bearer"  # with Basic, the browser would cover the form that the session was opened with
    ]
    assert 'value="/console/groups"' in answer.text


def test_session_of_a_key_that_is_known_by_its_hash_needs_the_key(client, settings):
    hashed = ApiKey("hashed", f"sha256={sha256(KEY.encode()).hexdigest()}")
    object.__setattr__(settings, "api_keys", (hashed,))

    sign_in(client)
    assert client.get("/console/").status_code == 200
    client.set_cookie("console", serializer(hashed).dumps(""), path="/console/")
    assert client.get("/console/").status_code == 401


@pytest.mark.parametrize(
    "scopes", [{"read"}, {"raw"}, {"ops"}, {"metrics"}, {"read", "raw"}, {"read", "ops"}]
)
def test_page_leads_nowhere_that_its_reader_may_not_go(client, settings, deliver, scopes):
    deliver(group_created())
    deliver(group_destroyed())
    deliver(data=b"junk")
    deliver(group_created(), query={"SdkAppid": "1"})
    keys = (ApiKey("tests", KEY, frozenset(map(Scope, scopes))),)
    object.__setattr__(settings, "api_keys", keys)
    sign_in(client)
    found = {
        unescape(link).partition("?")[0]: page
        for page in PAGES
        for link in re.findall(' (?:href|action)="(/console/[^"#]*)', client.get(page).text)
        if "/static/" not in link
    }

    closed = {(page, to) for to, page in found.items() if client.get(to).status_code == 403}

    assert closed == set()


@pytest.mark.parametrize("scopes", [{"read"}, {"read", "raw"}, {"read", "ops"}])
def test_words_that_only_lead_to_a_page_are_left_out_where_it_is_closed(
    client, settings, deliver, scopes
):
    deliver(group_created())
    deliver(group_created(), query={"SdkAppid": "1"})
    keys = (ApiKey("tests", KEY, frozenset(map(Scope, scopes))),)
    object.__setattr__(settings, "api_keys", keys)
    sign_in(client)

    page = client.get("/console/").text

    assert ("Was it working?" in page) == ("ops" in scopes)
    assert (page.count("Quarantine") == 2) == ("raw" in scopes)


def test_session_ends_with_time(client, monkeypatch):
    sign_in(client)
    later = time() + SESSION_SECONDS + 5
    monkeypatch.setattr("time.time", lambda: later)

    assert client.get("/console/").status_code == 401


def test_signing_out_ends_the_session(client):
    sign_in(client)

    assert client.post("/console/sign-out").location == "/console/sign-in"
    assert client.get("/console/").status_code == 401
    assert client.get("/console/sign-in").status_code == 200
    assert 'name="next" value=""' in client.post("/console/sign-out").text


def test_session_that_opens_nothing_is_forgotten_and_counts_as_one_wrong_key(client, app):
    client.set_cookie("console", "IiI.aaaa.bbbb", path="/console/")

    assert [client.get("/console/").status_code for _ in range(3)] == [401] * 3
    assert app.extensions["runtime"].wrong_keys.count == 1


def test_log_says_who_signed_in_and_who_failed_to(client, caplog):
    caplog.set_level("INFO")

    sign_in(client)
    sign_in(client, "wrong")
    client.get("/console/", headers={"Authorization": "Bearer wrong"})

    assert "tests signs in to the console" in caplog.text
    assert caplog.text.count("wrong key from 127.0.0.1") == 1  # a minute


def test_log_says_who_looked_at_what(client, caplog):
    caplog.set_level("INFO")

    sign_in(client)
    client.get("/console/groups?owner=a")

    assert "tests reads '/console/groups?owner=a'" in caplog.text
    assert KEY not in caplog.text


def test_only_the_console_may_run_scripts_and_only_its_own(client):
    policy = client.get("/console/sign-in").headers["Content-Security-Policy"]

    assert policy.startswith("default-src 'none'")
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "script-src" not in client.get("/openapi.json").headers["Content-Security-Policy"]


def test_pages_are_not_kept_and_assets_are(client):
    assert client.get("/console/sign-in").headers["Cache-Control"] == "no-store"
    [address] = re.findall(
        'href="(/console/static/console.css[^"]+)"', client.get("/console/sign-in").text
    )
    for asset, kept in [
        (address, "public, max-age=31536000, immutable"),
        ("/console/static/console.css?v=1", "no-cache"),
        ("/console/static/nothing.css?v=1", "no-store"),
    ]:
        with client.get(f"{asset}&lang=zh-CN") as answer:
            assert answer.headers["Cache-Control"] == kept
            assert "Set-Cookie" not in answer.headers or kept == "no-store"
    with client.get("/console/static/x/../console.css") as answer:
        assert answer.status_code in (200, 404)


def test_home_leads_a_browser_to_the_console(client):
    assert client.get("/").location == "/console/"
