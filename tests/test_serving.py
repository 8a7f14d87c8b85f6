"""The service as it is started: first run, gunicorn, sockets."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.engines import ROOT
from tests.payloads import channel_created, group_destroyed

CALLBACK = "/callback?SdkAppid=888888&CallbackCommand=Group.CallbackAfterGroupDestroyed"
MAX_BODY_BYTES = 100_000
RAW = json.dumps(group_destroyed()).encode()


def free_port():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(*command, folder, **environment):
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder on which the service ran for the first time, with a migrated SQLite file."""
    folder = tmp_path_factory.mktemp("service")
    for file in (".env.example", "pyproject.toml"):
        shutil.copy(ROOT / file, folder / file)
    os.symlink(ROOT / "migrations", folder / "migrations")
    first = run(sys.executable, ROOT / "first_run.py", folder=folder)
    assert first.returncode == 0, first.stderr
    (folder / "first_run.txt").write_text(first.stdout)
    migrated = run(sys.executable, "-m", "alembic", "upgrade", "head", folder=folder)
    assert migrated.returncode == 0, migrated.stderr
    return folder


@contextmanager
def serving(folder, **environment):
    """Start gunicorn, and wait until it says that it listens."""
    command = [sys.executable, "-m", "gunicorn", "-c", ROOT / "gunicorn.conf.py", "wsgi:app"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=2, text=True
    )
    with process:
        try:
            banner = ""
            while "/docs" not in banner:
                line = process.stdout.readline()
                assert line, "gunicorn did not start"
                banner += line
            yield banner
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def server(folder):
    """Address and banner of a service that takes callbacks of app 888888 without a signature."""
    port = str(free_port())
    settings = {"PORT": port, "SDK_APPS": "888888", "MAX_BODY_BYTES": str(MAX_BODY_BYTES)}
    with serving(folder, **settings) as banner:
        yield f"127.0.0.1:{port}", banner


@pytest.fixture
def connection(server):
    connection = http.client.HTTPConnection(server[0], timeout=10)
    connection.connect()
    yield connection
    connection.close()


def api_key(folder):
    return re.search(r"API key +(\S+)", (folder / "first_run.txt").read_text())[1]


def read(server, folder, address, parse=json.loads):
    connection = http.client.HTTPConnection(server[0], timeout=10)
    connection.request("GET", address, headers={"Authorization": f"Bearer {api_key(folder)}"})
    with connection.getresponse() as response, closing(connection):
        return parse(response.read())


def send(connection, address=CALLBACK, body=RAW, method="POST", **options):
    """Send on the one connection there is; fail if it has been closed."""
    sock = connection.sock
    connection.request(method, address, body=body, **options)
    with connection.getresponse() as response:
        answer = response.status, json.loads(response.read())
    assert connection.sock is sock, "the server closed the connection"
    return answer


def chunks(size):
    return {"body": iter([b"x" * 1000] * (size // 1000)), "encode_chunked": True}


def test_first_run_writes_secrets_for_the_owner_alone(folder):
    text = (folder / ".env").read_text()
    shown = (folder / "first_run.txt").read_text()

    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
    for name in ("SDK_APPS=888888", "API_KEYS=ops"):
        secret = re.search(f"^{name}:(.{{32}})$", text, re.MULTILINE)[1]
        assert secret in shown


def test_first_run_never_writes_over_a_file(folder):
    before = (folder / ".env").read_text()

    again = run(sys.executable, ROOT / "first_run.py", folder=folder)

    assert again.returncode != 0
    assert (folder / ".env").read_text() == before


def test_banner_says_where_to_go_and_holds_no_secret(folder, server):
    address, banner = server

    assert f"Listening on http://{address}\n" in banner
    assert f"http://{address}/callback" in banner
    assert api_key(folder) not in banner


@pytest.mark.parametrize("source", ["file", "environment"])
def test_curl_of_the_banner_reads_the_history(folder, source):
    if not shutil.which("curl"):
        pytest.skip("no curl here")
    keys = {"API_KEYS": "ops:a-key,dev:b-key"} if source == "environment" else {}
    with serving(folder, PORT=str(free_port()), **keys) as banner:
        command = re.search("(curl .*)", banner)[1]
        done = run("sh", "-c", f"{command} -s", folder="/", **keys)

    assert "items" in json.loads(done.stdout)


def test_readme_leads_from_the_first_callback_to_the_history(folder):
    if not shutil.which("curl") or not shutil.which("sha256sum"):
        pytest.skip("no curl or sha256sum here")
    port = str(free_port())
    blocks = re.findall(
        r"```sh\n(token=.*?|key=.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    send, ask = (block.replace("8000", port) for block in blocks)
    with serving(folder, PORT=port):
        sent = run("sh", "-c", send, folder=folder)
        asked = run("sh", "-c", ask, folder=folder)

    assert [json.loads(line)["ActionStatus"] for line in sent.stdout.splitlines()] == ["OK"] * 4
    disbanded = [event["subject_id"] for event in json.loads(asked.stdout)["items"]]
    assert "@TGS#2J4SZEAEL" in disbanded


def test_example_client_reads_every_page(server, folder, connection):
    for number in range(5):
        send(connection, body=json.dumps(group_destroyed(GroupId=f"client {number}/é")))
    client, address = ROOT / "docs" / "example_client.py", f"http://{server[0]}"

    paged = run(
        *(sys.executable, client, f"{address}/history?limit=2&action=destroyed&member=bob"),
        folder=folder,
        API_KEY=api_key(folder),
    )
    refused = run(sys.executable, client, f"{address}/history", folder=folder, API_KEY="x")

    assert paged.returncode == 0, paged.stderr
    items = [json.loads(line) for line in paged.stdout.splitlines()]
    assert len(items) >= 5
    assert items == read(server, folder, "/history?limit=500&action=destroyed&member=bob")["items"]
    assert refused.returncode == 1
    assert '"status":401' in refused.stderr


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"address": "/callback?SdkAppid=1", "body": b"x" * 99_000}, (403, 40301)),
        ({"body": b"x" * 99_000}, (400, 40001)),
        ({"body": b"x" * (MAX_BODY_BYTES + 1)}, (413, 41301)),
        ({"body": b"x" * 20_000_000}, (413, 41301)),
        ({**chunks(20_000_000)}, (413, 41301)),
        ({"method": "PUT", "body": b"x" * 1_000_000}, (405, 40501)),
        ({"address": "/", "method": "DELETE", "body": b"x" * 1_000_000}, (405, 40501)),
    ],
    ids=["foreign app", "not JSON", "too large", "far too large", "chunked", "PUT", "DELETE"],
)
def test_connection_stays_usable_after_a_refusal(connection, options, expected):
    status, reply = send(connection, **options)

    assert (status, reply["ErrorCode"]) == expected
    assert send(connection) == (200, {"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0})


def test_chunked_body_is_taken(server, folder, connection):
    body = json.dumps(group_destroyed(GroupId="chunked")).encode()
    pieces = iter([body[:10], body[10:11], body[11:]])

    assert send(connection, body=pieces, encode_chunked=True)[0] == 200

    (event,) = read(server, folder, "/history?subject_id=chunked")["items"]
    assert read(server, folder, f"/history/{event['id']}")["delivery"]["body"].encode() == body


def raw_exchange(server, request):
    """Send bytes, close our side, and read all that comes back."""
    host, port = server[0].split(":")
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall(request)
        sock.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: sock.recv(65536), b""))


def head(*lines, address=CALLBACK):
    return "\r\n".join([f"POST {address} HTTP/1.1", "Host: x", *lines, "", ""]).encode("latin-1")


@pytest.mark.parametrize(
    "request_",
    [
        head(f"Content-Length: {len(RAW) + 1}") + RAW,
        head(f"Content-Length: {len(RAW)}") + RAW[:-1],
        head("Transfer-Encoding: chunked") + b"%x\r\n%s" % (len(RAW), RAW),
        head("Transfer-Encoding: chunked") + b"%x\r\n%s\r\n" % (len(RAW), RAW),
        head("Transfer-Encoding: chunked") + b"zz\r\n" + RAW,
        head("Transfer-Encoding: chunked", f"Content-Length: {len(RAW)}") + RAW,
        head("Content-Length: -1") + RAW,
        head("Content-Length: 5", "Content-Length: 6") + RAW,
    ],
    ids=["longer", "shorter", "no end", "no last chunk", "no size", "both", "negative", "two"],
)
def test_broken_request_is_neither_acknowledged_nor_stored(server, folder, request_):
    before = read(server, folder, "/deliveries?limit=1")["items"]

    answer = raw_exchange(server, request_)

    assert not answer or answer.split()[1] == b"400"
    assert read(server, folder, "/deliveries?limit=1")["items"] == before


@pytest.mark.parametrize("byte", ["\xff", "%ff", "%00", "%ED%A0%80", "\x7f", "+", "&&=", "%"])
def test_odd_query_string_is_kept_or_refused_but_no_fault(server, byte):
    address = f"{CALLBACK}&New={byte}"
    answer = raw_exchange(server, head(f"Content-Length: {len(RAW)}", address=address) + RAW)

    assert answer.partition(b"\r\n")[0].split()[1] in (b"200", b"400")


@pytest.mark.parametrize("byte", ["\xff", "%ff", "%00", "%ED%A0%80"])
def test_odd_filter_is_empty_or_refused_but_no_fault(server, folder, byte):
    key = f"Authorization: Bearer {api_key(folder)}"
    request = head(key, address=f"/history?subject_id={byte}").replace(b"POST", b"GET")

    assert raw_exchange(server, request).partition(b"\r\n")[0].split()[1] in (b"200", b"400")


def test_sender_that_asks_first_is_told_to_continue(server):
    request = head("Expect: 100-continue", f"Content-Length: {len(RAW)}") + RAW

    answer = raw_exchange(server, request)

    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def post_creations(address, subject_ids):
    """Send callbacks over connections of their own, so that all workers get some."""

    def post(subject_id):
        body = json.dumps(channel_created(Official_Account=subject_id)).encode()
        with closing(http.client.HTTPConnection(address, timeout=10)) as connection:
            connection.request("POST", "/callback?SdkAppid=888888", body=body)
            return connection.getresponse().status

    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(post, subject_ids))


def test_one_callback_sent_to_all_workers_at_once_makes_one_event(server, folder):
    assert post_creations(server[0], ["storm"] * 100) == [200] * 100

    (event,) = read(server, folder, "/history?subject_id=storm")["items"]
    assert event["delivery_count"] == 100


def count_kept(address, folder):
    text = read((address,), folder, "/metrics", parse=bytes.decode)
    return re.search(r'callback_seconds_count{kept_in="database"} (\d+)', text)[1]


def workers_of(pid):
    return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def test_metrics_add_up_what_all_workers_count_also_after_a_reload(folder):
    address, file = f"127.0.0.1:{free_port()}", folder / "pid"
    settings = {"PORT": address.partition(":")[2], "SDK_APPS": "888888"}
    with serving(folder, **settings, GUNICORN_CMD_ARGS=f"--pid={file}"):
        assert post_creations(address, map(str, range(100))) == [200] * 100
        assert {count_kept(address, folder) for _ in range(10)} == {"100"}

        before = workers_of(int(file.read_text()))
        os.kill(int(file.read_text()), signal.SIGHUP)
        deadline = monotonic() + 20
        while before & (now := workers_of(int(file.read_text()))) or len(now) < 2:
            assert monotonic() < deadline
            sleep(0.05)

        assert post_creations(address, map(str, range(10))) == [200] * 10
        assert {count_kept(address, folder) for _ in range(10)} == {"110"}


@pytest.mark.parametrize(
    "command",
    [
        ["gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app"],
        ["flask", "--app", "wsgi", "routes"],
    ],
    ids=["gunicorn", "flask"],
)
@pytest.mark.parametrize(
    ("name", "value"), [("MAX_BODY_BYTES", "4MB"), ("SDK_APPS", "abc"), ("DATABASE_URL", "x")]
)
def test_wrong_setting_stops_the_start_with_one_line(folder, command, name, value):
    done = run(sys.executable, "-m", *command, folder=folder, **{name: value})

    assert done.returncode != 0
    assert done.stderr.startswith(f"{name}='{value}' is not allowed; set it to ")
    assert done.stderr.count("\n") == 1


def test_service_does_not_start_without_apps(tmp_path):
    done = run(sys.executable, "-m", "flask", "--app", "wsgi", "routes", folder=tmp_path)

    assert done.returncode != 0
    assert done.stderr.startswith("SDK_APPS is not set; set it to ")
