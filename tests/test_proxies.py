"""The nginx and the HAProxy of deploy/ in front of the service: what passes, from which sender."""

import http.client
import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from time import time
from urllib.parse import quote, urlencode

import pytest

from services.receiving.authentication import sign
from tests.engines import ROOT
from tests.proxies import INTERNAL_HOST, haproxy, nginx
from tests.test_serving import (
    RAW,
    READER,
    RECEIVER,
    api_key,
    folder,  # noqa: F401 (a fixture)
    free_port,
    process,
    read_banner,
)

GROUP = "@TGS#a//b%2F c"
SENDER = "127.0.0.2"  # another address of this machine, not that of a trusted proxy
TOKEN = "a-token-of-the-tests"
PROXIES = {"nginx": nginx, "haproxy": haproxy}
# The sign-in of the internal host from docs/deploy.md.
SIGN_IN = re.search(r"```nginx\n(.*?)```", (ROOT / "docs" / "deploy.md").read_text(), re.DOTALL)[1]
USER, FORGED_USER = "alice@example.com", {"X-Forwarded-Email": "mallory@example.com"}


@contextmanager
def connect(address):
    """Connect from another address."""
    connection = http.client.HTTPConnection(address, source_address=(SENDER, 0), timeout=30)
    with closing(connection):
        yield connection


@contextmanager
def asking(proxy, folder, **options):  # noqa: F811
    """Query a reader through a proxy from another address; the answer comes with the log."""
    port, log = free_port(), folder / f"reader behind {proxy}.log"
    settings = {"READ_PORT": str(port), "TRUSTED_PROXIES": "127.0.0.1", "SDK_APPS": "888888"}
    settings |= {"SIGN_IN_HEADER": "X-Forwarded-Email"}
    addresses = {"receiver": f"127.0.0.1:{free_port()}", "reader": f"127.0.0.1:{port}"}
    with (
        log.open("wb") as file,
        process(*READER, folder=folder, popen={"stderr": file}, **settings) as reader,
        PROXIES[proxy](folder, **addresses, **options) as (_, internal),
    ):
        read_banner(reader, "/docs")
        known = api_key(folder)

        def ask(path, key=known, **headers):
            headers |= {"Host": INTERNAL_HOST}
            headers |= {"Authorization": f"Bearer {key}"} if key else {}
            with connect(internal) as connection:
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                return answer.status, answer.headers, answer.read().decode(), log.read_text()

        yield ask


@pytest.fixture(scope="module", params=PROXIES)
def ask(folder, request):  # noqa: F811
    with asking(request.param, folder) as ask:
        yield ask


@pytest.fixture(scope="module")
def ask_nginx(folder):  # noqa: F811
    with asking("nginx", folder) as ask:
        yield ask


@pytest.fixture(scope="module", params=PROXIES)
def public(folder, request):  # noqa: F811
    """The public host in front of a receiver."""
    port = free_port()
    settings = {"SDK_APPS": f"888888:{TOKEN}", "PORT": str(port)}
    addresses = {"receiver": f"127.0.0.1:{port}", "reader": f"127.0.0.1:{free_port()}"}
    with (
        process(*RECEIVER, folder=folder, **settings) as receiver,
        PROXIES[request.param](folder, **addresses) as (address, _),
    ):
        read_banner(receiver, "webhook URL")
        yield address


def post(address, path="/callback", method="POST", sdk_app_id="888888", **more):
    """Send a signed callback; return the status."""
    now = str(int(time()))
    query = {"SdkAppid": sdk_app_id, "Sign": sign(TOKEN, now)}
    with connect(address) as connection:
        query |= {"CallbackCommand": "Group.CallbackAfterGroupDestroyed", "RequestTime": now}
        connection.request(method, f"{path}?{urlencode(query | more)}", RAW)
        return connection.getresponse().status


@pytest.mark.parametrize("path", ["/callback", "/", "/Callback/"])
def test_callbacks_pass(public, path):
    assert post(public, path) == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/callback"), ("GET", "/"), ("POST", "/history"), ("POST", "/callback/x")]
    + [("GET", path) for path in ("/console/", "/healthz", "/readyz", "/metrics")],
)
def test_nothing_else_passes(public, method, path):
    assert post(public, path, method) == 404


def test_noise_is_limited_and_callbacks_are_not(public):
    noise = [post(public, sdk_app_id="777777") for _ in range(60)]
    callbacks = [post(public) for _ in range(60)]

    assert {*noise} == {403, 429}
    assert callbacks == [200] * 60


@pytest.mark.parametrize("proxy", PROXIES)
def test_no_log_has_a_sign(tmp_path, capfd, proxy):
    nobody = f"127.0.0.1:{free_port()}"
    with PROXIES[proxy](tmp_path, receiver=nobody, reader=nobody) as (address, _):
        statuses = [post(address, Trace="in-the-query"), post(address, "/elsewhere")]
        with ThreadPoolExecutor(60) as senders:
            statuses += senders.map(lambda _: post(address, sdk_app_id="7"), range(60))

    logs = "".join(path.read_text() for path in tmp_path.glob("*.log")) + capfd.readouterr().err
    assert {*statuses} >= {404, 429}
    assert logs.count("/elsewhere") == 1
    assert "Sign" not in logs
    assert "in-the-query" not in logs


FORGED = [
    {"X-Forwarded-For": "6.6.6.6"},
    {"Forwarded": "for=6.6.6.6;proto=https"},
    {"X-Forwarded-For": "6.6.6.6, 127.0.0.1", "Forwarded": "for=6.6.6.6"},
    {"X-Forwarded-Prefix": "/evil", "X-Forwarded-Host": "evil", "X-Forwarded-Proto": "https"},
    {"X_Forwarded_For": "6.6.6.6", "SCRIPT_NAME": "/evil"},
]


@pytest.mark.parametrize("forged", FORGED, ids=str)
def test_sender_is_the_one_that_the_proxy_saw(ask, forged):
    status, _, page, log = ask("/console/", key="a key that nobody holds", **forged)

    assert status == 401
    assert re.findall("wrong key from (.*), ", log) == [SENDER] * log.count("wrong key")
    assert "wrong key" in log
    assert "evil" not in page


@contextmanager
def answering(handler):
    """Run a server in place of another one; yield its address."""
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


class Echo(BaseHTTPRequestHandler):
    """Answers with the IDs of a request."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(self.headers.get_all("X-Request-ID")).encode())


@pytest.mark.parametrize("proxy", PROXIES)
def test_id_of_a_request_is_made_by_the_proxy(tmp_path, proxy):
    with (
        answering(Echo) as reader,
        PROXIES[proxy](tmp_path, receiver="127.0.0.1:1", reader=reader) as (_, internal),
        connect(internal) as asker,
    ):
        asker.request("GET", "/", headers={"Host": INTERNAL_HOST, "X-Request-ID": "forged"})
        (found,) = json.loads(asker.getresponse().read())

    assert re.fullmatch("[0-9a-f-]{32,36}", found)


class SignIn(BaseHTTPRequestHandler):
    """Answers like oauth2-proxy, with the user that a cookie belongs to."""

    def do_GET(self):
        user = self.headers["Cookie"]
        self.send_response(202 if user else 401)
        self.send_header("X-Auth-Request-Email", user or "")
        self.end_headers()


@pytest.fixture(scope="module")
def ask_with_sign_in(folder):  # noqa: F811
    with answering(SignIn) as address:
        sign_in = SIGN_IN.replace("127.0.0.1:4180", address)
        with asking("nginx", folder, sign_in=sign_in) as ask:
            yield ask


def test_nobody_signs_in_by_a_header(ask):
    assert ask("/history", key=None, **FORGED_USER)[0] == 401


@pytest.mark.parametrize("prefix", ["", "/chatlog"])
def test_user_is_the_one_that_signed_in(ask_with_sign_in, prefix):
    status, _, page, log = ask_with_sign_in(f"{prefix}/console/", Cookie=USER, **FORGED_USER)

    assert status == 200
    assert f'href="{prefix}/console/' in page
    assert f"{USER} reads '/console/'" in log
    assert ask_with_sign_in(f"{prefix}/history", **FORGED_USER)[0] == 403
    assert "mallory" not in log


@pytest.mark.parametrize("prefix", ["", "/chatlog"])
def test_links_and_redirects_keep_the_prefix(ask_nginx, prefix):
    for page in ("/", "/console"):
        status, headers, _, _ = ask_nginx(f"{prefix}{page}")
        assert (status, headers["Location"]) == (302, f"{prefix}/console/")

    status, _, page, _ = ask_nginx(f"{prefix}/console/")

    links = {*filter(None, re.findall(r'(?:href|src|action)="([^"#]*)', page))}
    posted = {*re.findall(r'method="post" action="([^"]*)', page)}
    assert status == 200
    assert posted
    assert all(link.startswith(f"{prefix}/") for link in links)
    for link in links - posted:
        assert ask_nginx(link.replace("&amp;", "&"))[0] in (200, 302), link


@pytest.mark.parametrize("prefix", ["", "/chatlog"])
def test_id_arrives_as_it_is_encoded(ask_nginx, prefix):
    status, _, problem, log = ask_nginx(f"{prefix}/groups/{quote(GROUP, safe='')}")

    assert (status, json.loads(problem)["status"]) == (404, 404)
    assert f"reads '/groups/{quote(GROUP, safe='')}'" in log
