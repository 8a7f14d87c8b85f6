"""Who may read: every address, with and without a key."""

import re
from base64 import b64encode

import pytest
import sqlalchemy as sa
from itsdangerous import URLSafeTimedSerializer

from app import create_reader
from config import ApiKey, ReaderSettings
from services.reading.wrong_keys import WrongKeys
from tests.conftest import KEY

OPEN = {
    "/healthz",
    "/openapi.json",
    "/docs",
    "/",
    "/console/static/<path:filename>",
    "/console/sign-in",
    "/console/sign-out",
}
POSTED = {"/console/sign-in", "/console/sign-out", "/console/preferences"}


def basic(user, password):
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def addresses(app):
    return {rule.rule for rule in app.url_map.iter_rules()}


def concrete(address):
    address = re.sub("<int.*?>", "1", address).replace("<path:filename>", "console.css")
    return re.sub(r"<any\((\w+).*?>", r"\1", address)


def test_every_address_but_the_open_ones_wants_a_key(app, client):
    for address in addresses(app) - OPEN - POSTED:
        answer = client.get(concrete(address))

        assert answer.status_code == 401, address
        html = address.startswith("/console")
        assert answer.mimetype == ("text/html" if html else "application/problem+json")


@pytest.mark.parametrize("address", sorted(OPEN - {"/console/sign-out"}))
def test_open_address_wants_no_key(client, address):
    with client.get(concrete(address)) as answer:
        assert answer.status_code in (200, 302)


@pytest.mark.parametrize("header", [f"Bearer {KEY}", f"bearer {KEY}", basic("", KEY)])
def test_key_opens_as_bearer_token_or_as_password(client, header):
    assert client.get("/history", headers={"Authorization": header}).status_code == 200


@pytest.mark.parametrize("sign", ["=", ",", ":", "=="])
def test_key_may_hold_any_sign_an_http_header_may(tmp_path, sign):
    url = sa.make_url(f"sqlite:///{tmp_path}")
    key = f"a-key-that{sign}may-read"
    app = create_reader(ReaderSettings(url, (ApiKey("odd", key),)))

    for header in (f"Bearer {key}", basic("x", key)):
        answer = app.test_client().get("/readyz?a=b", headers={"Authorization": header})
        assert answer.status_code == 400


def test_log_says_who_read_what_and_no_key(client, caplog):
    caplog.set_level("INFO")

    client.get("/history?owner=%0Ax", headers={"Authorization": f"Bearer {KEY}"})

    assert "tests reads '/history?owner=%0Ax'" in caplog.text
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {KEY}x",
        f"Bearer {KEY[:-1]}",
        f"Bearer x{KEY}",
        f"Token {KEY}",
        KEY,
        "Bearer tests",
        basic(KEY, ""),
        basic("tests", "tests"),
        "Basic !",
        "Basic " + b64encode(b"\xff:\xff").decode(),
        "Bearer \xe9",
    ],
)
def test_anything_else_is_refused_and_told_how_to_ask(client, header):
    answer = client.get("/history", headers={"Authorization": header})

    assert answer.status_code == 401
    schemes = [value.partition(" ")[0] for value in answer.headers.getlist("WWW-Authenticate")]
    assert schemes == ["Bearer", "Basic"]


def forge_session():
    return URLSafeTimedSerializer("a key that is guessed", salt="console session").dumps("")


# Every way to give a key.
WAYS = {
    "token": lambda key: {"path": "/history", "headers": {"Authorization": f"Bearer {key}"}},
    "password": lambda key: {"path": "/readyz", "headers": {"Authorization": basic("", key)}},
    "page": lambda key: {"path": "/console/", "headers": {"Authorization": f"Bearer {key}"}},
    "form": lambda key: {"path": "/console/sign-in", "method": "POST", "data": {"key": key}},
}


def guess(client, way):
    """Guess until it is too much; tell how often that was."""
    for number in range(100):
        answer = client.open(**way("a key that is guessed"))
        if answer.status_code == 429:
            return number, answer
        assert answer.status_code == 401
    raise AssertionError


@pytest.fixture
def _no_time_passes(app):
    """A machine that is busy forgets no wrong key meanwhile."""
    app.extensions["runtime"].wrong_keys = WrongKeys(lambda: 1000.0)


@pytest.mark.usefixtures("_no_time_passes")
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_wrong_keys_are_slowed_by_every_way(client, way):
    number, answer = guess(client, way)

    assert number >= 5
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    for other in WAYS.values():  # nor is a right one looked at, which would tell
        assert client.open(**other(KEY)).status_code == 429
        elsewhere = {"REMOTE_ADDR": "192.0.2.1"}
        answer = client.open(**other(KEY), environ_overrides=elsewhere)
        assert answer.status_code in (200, 303, 503)
    assert client.get("/console/sign-in").status_code == 200
    assert client.get("/history").status_code == 401


@pytest.mark.usefixtures("_no_time_passes")
def test_forged_sessions_are_slowed_too(client):
    client.set_cookie("console", forge_session(), path="/console/")

    assert guess(client, lambda _: {"path": "/console/"})[0] >= 5


def test_wrong_keys_are_counted(client):
    for _ in range(3):
        client.get("/history", headers={"Authorization": "Bearer x"})

    metrics = client.get("/metrics", headers={"Authorization": f"Bearer {KEY}"}).text
    assert re.search(r'^chat_lifecycle_log_wrong_keys_total\{process="\d+"\} 3.0$', metrics, re.M)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_nothing_is_written_by_reading(app, client, method):
    for address in addresses(app) - POSTED:
        answer = client.open(
            concrete(address), method=method, headers={"Authorization": f"Bearer {KEY}"}
        )

        assert answer.status_code == 405, address
        assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("extra", ["{}/", "/{}", "{}//x", "/evil.example/..{}", ""])
def test_no_address_leads_where_the_host_header_says(app, client, extra):
    for address in addresses(app):
        for path in (extra.format(concrete(address)), concrete(address).replace("/", "//")):
            with client.get(
                headers={"Authorization": f"Bearer {KEY}", "Host": "evil.example"},
                environ_overrides={"PATH_INFO": path, "RAW_URI": path},
            ) as answer:
                location = answer.headers.get("Location", "/console/")
            assert location.startswith("/console/"), path


def test_no_answer_is_kept_by_a_shared_cache(app, client):
    for address in addresses(app):
        for key in (KEY, "x"):
            headers = {"Authorization": f"Bearer {key}"}
            with client.get(concrete(address), headers=headers) as answer:
                kept = answer.headers["Cache-Control"]
            assert "static" in address or kept in ("private, no-cache", "no-store"), address


def test_head_is_a_get_without_body(client):
    answer = client.head("/history", headers={"Authorization": f"Bearer {KEY}"})

    assert (answer.status_code, answer.data) == (200, b"")


def test_address_that_does_not_exist_is_a_problem(client):
    answer = client.get("/nowhere")

    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


def test_browsers_are_told_to_run_nothing(client):
    headers = client.get("/openapi.json").headers

    assert headers["Content-Security-Policy"] == "default-src 'none'; style-src 'self'"
    assert headers["X-Content-Type-Options"] == "nosniff"
