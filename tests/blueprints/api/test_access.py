"""Read access: every address, with and without a key."""

import re
from base64 import b64encode
from hashlib import sha256
from ipaddress import ip_network

import pytest
import sqlalchemy as sa
from itsdangerous import URLSafeTimedSerializer

from app import create_reader, trust
from config import ApiKey, ReaderSettings, Scope
from services.reading.wrong_keys import WrongKeys
from tests.conftest import KEY
from tests.payloads import group_created

OPEN = {
    "/healthz",
    "/openapi.json",
    "/docs",
    "/",
    "/console/static/<path:filename>",
    "/console/sign-in",
    "/console/sign-out",
}
pytestmark = pytest.mark.any_engine
POSTED = {"/console/sign-in", "/console/sign-out", "/console/preferences"}


def basic(user, password):
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def addresses(app):
    return {rule.rule for rule in app.url_map.iter_rules()}


def concrete(address):
    address = re.sub("<row_id:.*?>", "1", address).replace("<path:filename>", "console.css")
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


# Every way to send a key.
WAYS = {
    "token": lambda key: {"path": "/history", "headers": {"Authorization": f"Bearer {key}"}},
    "password": lambda key: {"path": "/readyz", "headers": {"Authorization": basic("", key)}},
    "page": lambda key: {"path": "/console/", "headers": {"Authorization": f"Bearer {key}"}},
    "form": lambda key: {"path": "/console/sign-in", "method": "POST", "data": {"key": key}},
}


def guess(client, way):
    """Guess until the answer is 429; return how many guesses that took."""
    for number in range(100):
        answer = client.open(**way("a key that is guessed"))
        if answer.status_code == 429:
            return number, answer
        assert answer.status_code == 401
    raise AssertionError


@pytest.fixture
def _no_time_passes(app):
    """Stop the clock, so that a busy machine does not forget wrong keys meanwhile."""
    app.extensions["runtime"].wrong_keys = WrongKeys(lambda: 1000.0)


@pytest.mark.usefixtures("_no_time_passes")
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_wrong_keys_are_slowed_by_every_way(client, way):
    number, answer = guess(client, way)

    assert number >= 5
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    for other in WAYS.values():  # nor is a right one checked, which would reveal it
        assert client.open(**other(KEY)).status_code == 429
        elsewhere = {"REMOTE_ADDR": "192.0.2.1"}
        answer = client.open(**other(KEY), environ_overrides=elsewhere)
        assert answer.status_code in (200, 303, 503)
    assert client.get("/console/sign-in").status_code == 200
    assert client.get("/history").status_code == 401


def test_every_read_is_401_where_there_are_no_keys(tmp_path):
    client = create_reader(ReaderSettings(sa.make_url(f"sqlite:///{tmp_path}"))).test_client()

    answers = [client.open(**way(KEY)) for way in WAYS.values() for _ in range(20)]

    assert {answer.status_code for answer in answers} == {401}


@pytest.mark.usefixtures("_no_time_passes")
def test_forged_sessions_are_slowed_too(client):
    def forge(_):
        client.set_cookie("console", forge_session(), path="/console/")
        return {"path": "/console/"}

    assert guess(client, forge)[0] >= 5


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


# What each scope opens; a new address must be added to one of them.
RAW = {
    "/deliveries",
    "/deliveries/1",
    "/quarantine",
    "/console/deliveries",
    "/console/deliveries/1",
    "/console/deliveries/1/body",
    "/console/quarantine",
    "/console/quarantine/1",
    "/console/export/deliveries",
    "/console/export/quarantine",
}
OPS = {
    "/readyz",
    "/drift",
    "/readings",
    "/console/health",
    "/console/drift",
    "/console/system",
    "/console/readings",
    "/console/export/readings",
}
TABLES = ("members", "channels", "groups", "deliveries", "quarantine", "readings")


def sort_out(app):
    """Return all addresses by the scope that opens them, except those that are open to all."""
    every = {concrete(address) for address in addresses(app) - OPEN - POSTED}
    every |= {f"/console/export/{table}" for table in TABLES}
    known = {"raw": RAW, "ops": OPS, "metrics": {"/metrics"}}
    return known | {"read": every - RAW - OPS - {"/metrics"}}


@pytest.fixture
def hold(settings):
    """Restrict the key to some scopes."""

    def hold(*scopes):
        keys = (ApiKey("narrow", KEY, frozenset(map(Scope, scopes))),)
        object.__setattr__(settings, "api_keys", keys)

    return hold


@pytest.mark.parametrize("scope", Scope)
def test_key_opens_what_its_scopes_name_and_nothing_else(app, client, hold, scope):
    hold(scope)
    for needed, paths in sort_out(app).items():
        for path in paths:
            answer = client.get(path, headers={"Authorization": f"Bearer {KEY}"})

            assert (answer.status_code == 403) == (needed != scope), path
            answer.close()


def test_answer_names_the_scope_that_is_missing(hold, read, client):
    hold("metrics", "ops")

    assert read("/history", 403)["scope"] == "read"
    answer = client.get("/console/quarantine", headers={"Authorization": f"Bearer {KEY}"})
    assert "lacks the scope raw" in answer.text


def test_event_is_without_what_was_sent_where_raw_is_missing(deliver, hold, read):
    deliver(group_created())
    whole = read("/history/1")["delivery"]
    hold("read")

    known = read("/history/1")["delivery"]

    assert {*whole} - {*known} == {"peer", "query_string", "body"}
    assert {name: whole[name] for name in known} == known


def test_key_may_be_known_by_its_hash_alone(settings, client):
    hashed = f"sha256={sha256(KEY.encode()).hexdigest()}"
    object.__setattr__(settings, "api_keys", (ApiKey("hashed", hashed),))

    for key, expected in {KEY: 200, hashed: 401, hashed[7:]: 401, f"{KEY}x": 401}.items():
        answer = client.get("/history", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == expected


SSO = {"X-Forwarded-Email": "alice@example.com"}


@pytest.fixture
def _signed_in_by_proxy(app, settings):
    """A reader that believes the proxy at 10.0.0.1."""
    names = {
        "sign_in_header": "X-Forwarded-Email",
        "trusted_proxies": (ip_network("10.0.0.1"),),
    }
    for name, value in names.items():
        object.__setattr__(settings, name, value)
    bare, app.wsgi_app = app.wsgi_app, trust(app.wsgi_app.app, settings)
    yield
    app.wsgi_app = bare


@pytest.mark.usefixtures("_signed_in_by_proxy")
@pytest.mark.parametrize("path", ["/history", "/console/"])
@pytest.mark.parametrize(
    ("peer", "names", "expected"),
    [
        ("10.0.0.1", "alice@example.com", 200),
        ("10.0.0.1", "\u7231\u4e3d\u4e1d".encode().decode("latin-1"), 200),
        ("10.0.0.1", "", 401),
        ("10.0.0.1", "admin,alice@example.com", 401),
        ("10.0.0.1", "\xff", 401),
        ("10.0.0.1", "a\x7fb", 401),
        ("10.0.0.1", "x" * 255, 200),
        ("10.0.0.1", "x" * 256, 401),
        ("10.0.0.1", ("\u241b" * 52).encode().decode("latin-1"), 401),  # each is stored as five
        ("10.0.0.2", "alice@example.com", 401),
        ("127.0.0.1", "alice@example.com", 401),
    ],
)
def test_user_is_believed_from_a_trusted_proxy_alone(client, path, peer, names, expected):
    answer = client.get(
        path, headers={"X-Forwarded-Email": names}, environ_overrides={"REMOTE_ADDR": peer}
    )

    assert answer.status_code == expected


@pytest.mark.usefixtures("_signed_in_by_proxy")
def test_user_of_a_proxy_reads_what_the_scopes_for_it_open(client):
    proxy = {"REMOTE_ADDR": "10.0.0.1"}

    answer = client.get("/deliveries", headers=SSO, environ_overrides=proxy)
    assert (answer.status_code, answer.get_json()["scope"]) == (403, "raw")
    # An explicit key takes precedence, even a wrong one.
    for key, expected in {KEY: 200, "x": 401}.items():
        given = SSO | {"Authorization": f"Bearer {key}"}
        answer = client.get("/deliveries", headers=given, environ_overrides=proxy)
        assert answer.status_code == expected


def test_user_is_believed_by_no_reader_that_was_not_told(client):
    assert client.get("/history", headers=SSO).status_code == 401
