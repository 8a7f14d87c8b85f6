"""The documented nginx in front of the service: who sent a request, and prefixes."""

import http.client
import json
import re
import shutil
import subprocess
from contextlib import closing, contextmanager
from time import monotonic, sleep
from urllib.parse import quote

import pytest

from tests.engines import ROOT
from tests.test_serving import (
    READER,
    api_key,
    folder,  # noqa: F401 (a fixture)
    free_port,
    process,
    read_banner,
)

(DOCUMENTED,) = re.findall(
    r"```nginx\n(.*?)```", (ROOT / "docs" / "operating.md").read_text(), re.DOTALL
)
GROUP = "@TGS#a//b%2F c"
SENDER = "127.0.0.2"  # another address of this machine, which is that of no trusted proxy


@contextmanager
def nginx(folder, receiver, reader):  # noqa: F811
    """Serve a service as it is documented, but without TLS; give the two ports."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if not program:
        pytest.skip("no nginx here")
    public, internal = ports = free_port(), free_port()
    servers = DOCUMENTED.replace("127.0.0.1:8000", receiver).replace("127.0.0.1:8001", reader)
    for port in ports:
        servers = servers.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};", 1)
    paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy"))
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {paths}\n{servers} }}"
    )
    command = [program, "-e", "stderr", "-c", folder / "nginx.conf"]
    with subprocess.Popen(command) as started:
        try:
            deadline = monotonic() + 20
            while not (folder / "nginx.pid").exists():
                assert started.poll() is None
                assert monotonic() < deadline
                sleep(0.01)
            yield public, internal
        finally:
            started.terminate()


@pytest.fixture(scope="module")
def ask(folder):  # noqa: F811
    """Ask a reader behind nginx from another address; the answer comes with the reader's log."""
    port, log = free_port(), folder / "reader.log"
    settings = {"READ_PORT": str(port), "TRUSTED_PROXIES": "127.0.0.1", "SDK_APPS": "888888"}
    with (
        log.open("wb") as file,
        process(*READER, folder=folder, popen={"stderr": file}, **settings) as reader,
        nginx(folder, f"127.0.0.1:{free_port()}", f"127.0.0.1:{port}") as (_, proxy),
    ):
        read_banner(reader, "/docs")
        known = api_key(folder)

        def ask(path, key=known, **headers):
            with closing(
                http.client.HTTPConnection("127.0.0.1", proxy, source_address=(SENDER, 0))
            ) as connection:
                headers["Authorization"] = f"Bearer {key}"
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                return answer.status, answer.headers, answer.read().decode(), log.read_text()

        yield ask


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
    assert re.findall("a wrong key from (.*), ", log) == [SENDER] * log.count("a wrong key")
    assert "a wrong key" in log
    assert "evil" not in page


@pytest.mark.parametrize("prefix", ["", "/chatlog"])
def test_links_and_redirects_keep_the_prefix(ask, prefix):
    for page in ("/", "/console"):
        status, headers, _, _ = ask(f"{prefix}{page}")
        assert (status, headers["Location"]) == (302, f"{prefix}/console/")

    status, _, page, _ = ask(f"{prefix}/console/")

    links = {*filter(None, re.findall(r'(?:href|src|action)="([^"#]*)', page))}
    posted = {*re.findall(r'method="post" action="([^"]*)', page)}
    assert status == 200
    assert posted
    assert all(link.startswith(f"{prefix}/") for link in links)
    for link in links - posted:
        assert ask(link.replace("&amp;", "&"))[0] in (200, 302), link


@pytest.mark.parametrize("prefix", ["", "/chatlog"])
def test_id_arrives_as_it_is_encoded(ask, prefix):
    status, _, problem, log = ask(f"{prefix}/groups/{quote(GROUP, safe='')}")

    assert (status, json.loads(problem)["status"]) == (404, 404)
    assert f"reads '/groups/{quote(GROUP, safe='')}'" in log
