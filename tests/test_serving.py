"""Starting the service: first run, gunicorn, sockets."""

import http.client
import json
import os
import pwd
import re
import resource
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa

from config import ReaderSettings
from services.recording.database import RecorderDatabase
from serving.banner import tell_access
from tests.engines import ROOT
from tests.payloads import channel_created, group_destroyed
from tests.processes import descendants, is_alive

CALLBACK = "/callback?SdkAppid=888888&CallbackCommand=Group.CallbackAfterGroupDestroyed"
MAX_BODY_BYTES = 100_000
RAW = json.dumps(group_destroyed()).encode()
NUMBERS = count(1)
STOP_SECONDS = 60  # more than reader, receiver and recorder get, one after another
WAIT_SECONDS = 60  # for a process that a busy machine still has to start


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
    for name in (".env.example", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("migrations", "serving"):
        os.symlink(ROOT / name, folder / name)
    first = run(sys.executable, ROOT / "serving" / "first_run.py", folder=folder)
    assert first.returncode == 0, first.stderr
    (folder / "first_run.txt").write_text(first.stdout)
    migrated = run(sys.executable, "-m", "alembic", "upgrade", "head", folder=folder)
    assert migrated.returncode == 0, migrated.stderr
    return folder


RECEIVER = ("gunicorn", "-c", str(ROOT / "serving" / "receiver.py"), "wsgi:receiver")
RECORDER = ("flask", "--app", "wsgi", "record")
READER = ("gunicorn", "-c", str(ROOT / "serving" / "reader.py"), "wsgi:reader")
ALL_IN_ONE = ("gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app")


@contextmanager
def process(*module, folder, popen=None, **environment):
    """Start a process of the service, and end it."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-m", *module]
    options = {"stdout": subprocess.PIPE, "stderr": 2, "text": True, **(popen or {})}
    started = subprocess.Popen(command, cwd=folder, env=environment, **options)
    with started:
        try:
            yield started
        finally:
            started.terminate()


def read_banner(started, last):
    """Read the output of a process until it prints its address."""
    banner = ""
    while last not in banner:
        line = started.stdout.readline()
        assert line, "it did not start"
        banner += line
    return banner


@contextmanager
def serving(folder, **environment):
    """Start receiver, recorder and reader; yield their addresses and banners."""
    ports = {"PORT": str(free_port()), "READ_PORT": str(free_port()), **environment}
    with ExitStack() as stack:
        receiver, _, reader = (
            stack.enter_context(process(*module, folder=folder, **ports))
            for module in (RECEIVER, RECORDER, READER)
        )
        banner = read_banner(receiver, "webhook URL") + read_banner(reader, "/docs")
        yield f"127.0.0.1:{ports['PORT']}", f"127.0.0.1:{ports['READ_PORT']}", banner


@pytest.fixture(scope="module")
def server(folder):
    """A service that takes callbacks of app 888888 without a signature."""
    settings = {"SDK_APPS": "888888", "MAX_BODY_BYTES": str(MAX_BODY_BYTES)}
    with serving(folder, **settings) as found:
        yield found


@pytest.fixture
def connection(server):
    connection = http.client.HTTPConnection(server[0], timeout=WAIT_SECONDS)
    connection.connect()
    yield connection
    connection.close()


def api_key(folder):
    return re.search(r"API key +(\S+)", (folder / "first_run.txt").read_text())[1]


def read(address, folder, path, parse=json.loads):
    with closing(http.client.HTTPConnection(address, timeout=WAIT_SECONDS)) as connection:
        connection.request("GET", path, headers={"Authorization": f"Bearer {api_key(folder)}"})
        with connection.getresponse() as response:
            return parse(response.read())


def read_until(address, folder, path, condition):
    """Read again until what was sent is recorded."""
    deadline = monotonic() + WAIT_SECONDS
    while not condition(found := read(address, folder, path)):
        assert monotonic() < deadline, found
        sleep(0.02)
    return found


def send(connection, address=CALLBACK, body=RAW, method="POST", **options):
    """Send on the existing connection; fail if it was closed."""
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

    again = run(sys.executable, ROOT / "serving" / "first_run.py", folder=folder)

    assert again.returncode != 0
    assert (folder / ".env").read_text() == before


def test_first_run_keeps_no_secret_that_it_can_not_show(tmp_path):
    shutil.copy(ROOT / ".env.example", tmp_path)
    with open("/dev/full", "w") as full:
        first = subprocess.run(
            (sys.executable, ROOT / "serving" / "first_run.py"),
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"]},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )

    assert (first.returncode, first.stderr.count("\n")) == (1, 1)
    assert "the secrets can't be shown" in first.stderr
    assert not (tmp_path / ".env").exists()


@pytest.mark.parametrize("module", [RECEIVER, READER], ids=["receiver", "reader"])
def test_server_works_though_the_disk_of_its_output_is_full(folder, module):
    """It then prints no address."""
    port = free_port()
    ports = {"PORT": str(port), "READ_PORT": str(port), "SDK_APPS": "888888"}
    with (
        open("/dev/full", "w") as full,
        process(*module, folder=folder, popen={"stdout": full, "stderr": full}, **ports),
    ):
        address = f"127.0.0.1:{port}"
        assert wait_until(lambda: b"HTTP/1.1 " in try_to(raw_exchange, address, head()))


def test_banner_says_where_to_go_and_holds_no_secret(folder, server):
    receiver, reader, banner = server

    assert f"http://{receiver}/callback" in banner
    assert f"http://{reader}/console/" in banner
    assert "sqlite:///var/audit.db" in banner
    assert api_key(folder) not in banner


@pytest.mark.parametrize(
    ("host", "arguments"),
    [("127.0.0.1", ()), ("0.0.0.0", ()), ("::", ()), ("127.0.0.2", ("-b", "127.0.0.1:{}"))],
)
def test_curl_of_the_banner_reads_the_history_wherever_the_reader_listens(folder, host, arguments):
    if not shutil.which("curl"):
        pytest.skip("no curl here")
    port = free_port()
    command = (*READER, *(one.format(port) for one in arguments))
    with process(*command, folder=folder, HOST=host, READ_PORT=str(port)) as reader:
        curl = re.search("(curl .*)", read_banner(reader, "/docs"))[1]
        curl = curl.replace("YOUR_API_KEY", api_key(folder))
        done = run("sh", "-c", f"{curl} -s", folder="/")

    assert "items" in json.loads(done.stdout)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, ["no read access yet: set API_KEYS"]),
        ({"API_KEYS": f"scraper[metrics]:{'a' * 16}"}, ["no read access yet: set API_KEYS"]),
        (
            {"API_KEYS": f"scraper[metrics]:{'a' * 16},ops:{'b' * 16},ops:sha256={'c' * 64}"},
            ["curl", "of ops, in API_KEYS"],
        ),
        (
            {"SIGN_IN_HEADER": "X-User", "TRUSTED_PROXIES": "127.0.0.1"},
            ["as a trusted proxy names them in X-User"],
        ),
    ],
)
def test_banner_tells_what_opens_the_history(settings, told):
    lines = [*tell_access(ReaderSettings.from_environment(settings), "http://here")]

    assert len(lines) == len(told)
    assert all(text in line for text, line in zip(told, lines, strict=True))


def test_readme_leads_from_the_first_callback_to_the_history(folder):
    if not shutil.which("curl") or not shutil.which("sha256sum"):
        pytest.skip("no curl or sha256sum here")
    blocks = re.findall(
        r"```sh\n(token=.*?|key=.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    with serving(folder) as (receiver, reader, _):
        send, ask = (
            block.replace("127.0.0.1:8000", receiver).replace("127.0.0.1:8001", reader)
            for block in blocks
        )
        sent = run("sh", "-c", send, folder=folder)
        read_until(reader, folder, "/history", lambda page: len(page["items"]) == 4)
        asked = run("sh", "-c", ask, folder=folder)

    assert [json.loads(line)["ActionStatus"] for line in sent.stdout.splitlines()] == ["OK"] * 4
    disbanded = [event["subject_id"] for event in json.loads(asked.stdout)["items"]]
    assert "@TGS#2J4SZEAEL" in disbanded


def test_example_client_reads_every_page(server, folder, connection):
    for number in range(5):
        send(connection, body=json.dumps(group_destroyed(GroupId=f"client {number}/é")))
    path = "/history?limit=500&action=destroyed&member=bob"

    def is_all_there(page):
        return sum(one["subject_id"].startswith("client") for one in page["items"]) == 5

    expected = read_until(server[1], folder, path, is_all_there)["items"]
    client, address = ROOT / "docs" / "example_client.py", f"http://{server[1]}"

    paged = run(
        *(sys.executable, client, f"{address}/history?limit=2&action=destroyed&member=bob"),
        folder=folder,
        API_KEY=api_key(folder),
    )
    refused = run(sys.executable, client, f"{address}/history", folder=folder, API_KEY="x")

    assert paged.returncode == 0, paged.stderr
    assert [json.loads(line) for line in paged.stdout.splitlines()] == expected
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

    path = "/history?subject_id=chunked"
    (event,) = read_until(server[1], folder, path, lambda page: page.get("items"))["items"]
    assert read(server[1], folder, f"/history/{event['id']}")["delivery"]["body"].encode() == body


def raw_exchange(address, request):
    """Send bytes, close our side, and read all that comes back."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall(request)
        sock.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: sock.recv(65536), b""))


def head(*lines, address=CALLBACK):
    return "\r\n".join([f"POST {address} HTTP/1.1", "Host: x", *lines, "", ""]).encode("latin-1")


def newest_delivery_id(server, folder):
    """Send a callback, and return the ID of its delivery."""
    mark = f"mark {next(NUMBERS)}"
    assert post_creations(server[0], [mark]) == [200]
    path = f"/history?{urlencode({'subject_id': mark})}"
    (event,) = read_until(server[1], folder, path, lambda page: page.get("items"))["items"]
    return event["delivery_id"]


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
    before = newest_delivery_id(server, folder)

    answer = raw_exchange(server[0], request_)

    assert not answer or answer.split()[1] == b"400"
    assert newest_delivery_id(server, folder) == before + 1


@pytest.mark.parametrize("byte", ["\xff", "%ff", "%00", "%ED%A0%80", "\x7f", "+", "&&=", "%"])
def test_odd_query_string_is_kept_or_refused_but_no_fault(server, byte):
    address = f"{CALLBACK}&New={byte}"
    answer = raw_exchange(server[0], head(f"Content-Length: {len(RAW)}", address=address) + RAW)

    assert answer.partition(b"\r\n")[0].split()[1] in (b"200", b"400")


@pytest.mark.parametrize("byte", ["\xff", "%ff", "%00", "%ED%A0%80"])
def test_odd_filter_is_empty_or_refused_but_no_fault(server, folder, byte):
    key = f"Authorization: Bearer {api_key(folder)}"
    request = head(key, address=f"/history?subject_id={byte}").replace(b"POST", b"GET")

    assert raw_exchange(server[1], request).partition(b"\r\n")[0].split()[1] in (b"200", b"400")


def test_address_in_its_absolute_form_is_the_same(server, folder):
    assert post_creations(server[0], ["a%41/b"]) == [200]
    key = f"Authorization: Bearer {api_key(folder)}"
    path = f"/history?{urlencode({'subject_id': 'a%41/b'})}"
    read_until(server[1], folder, path, lambda page: page.get("items"))

    for address, start in (
        ("http://evil/channels/a%2541%2Fb", b"HTTP/1.1 200 "),
        ("http://evil", b"HTTP/1.1 302 "),
        ("http://evil/", b"HTTP/1.1 302 "),
    ):
        answer = raw_exchange(server[1], head(key, address=address).replace(b"POST", b"GET"))
        assert answer.startswith(start), address
        assert b"evil" not in answer


@pytest.mark.parametrize(
    "header", ["SCRIPT_NAME: /x", "PATH_INFO: /x", "X-Forwarded-Proto: odd", "X-Forwarded-Ssl: on"]
)
def test_header_for_servers_is_no_fault(server, folder, header):
    key = f"Authorization: Bearer {api_key(folder)}"
    read_it = head(header, key, "X-Forwarded-Proto: https", address="/history")
    body = head(header, f"Content-Length: {len(RAW)}") + RAW

    assert raw_exchange(server[1], read_it.replace(b"POST", b"GET")).split()[1] == b"200"
    assert raw_exchange(server[0], body).split()[1] == b"200"


def test_sender_that_asks_first_is_told_to_continue(server):
    request = head("Expect: 100-continue", f"Content-Length: {len(RAW)}") + RAW

    answer = raw_exchange(server[0], request)

    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def post_creations(address, subject_ids):
    """Send callbacks over separate connections, so that all workers get some."""

    def post(subject_id):
        body = json.dumps(channel_created(Official_Account=subject_id)).encode()
        with closing(http.client.HTTPConnection(address, timeout=WAIT_SECONDS)) as connection:
            connection.request("POST", "/callback?SdkAppid=888888", body=body)
            return connection.getresponse().status

    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(post, subject_ids))


def test_one_callback_sent_many_times_at_once_makes_one_event(server, folder):
    assert post_creations(server[0], ["storm"] * 100) == [200] * 100

    path = "/history?subject_id=storm"

    def is_all_there(page):
        return page.get("items") and page["items"][0]["delivery_count"] == 100

    assert len(read_until(server[1], folder, path, is_all_there)["items"]) == 1


@pytest.mark.parametrize(
    "module", [RECEIVER, ALL_IN_ONE, READER], ids=["receiver", "app", "reader"]
)
@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "0"), ("JOURNAL_DIR", "a::b"), ("DATABASE_URL", "x"), ("LOG_FORMAT", "xml")],
)
def test_wrong_setting_stops_the_start_with_one_line(folder, module, name, value):
    if (module, name) == (RECEIVER, "DATABASE_URL"):
        pytest.skip("the receiver has no database")

    done = run(sys.executable, "-m", *module, folder=folder, **{name: value})

    assert done.returncode != 0
    assert done.stderr.startswith(f"{name}='{value}' is not allowed; set it to ")
    assert done.stderr.count("\n") == 1


ENTRY_POINTS = {
    "receiver": RECEIVER,
    "reader": READER,
    "app": ALL_IN_ONE,
    "record": (*RECORDER, "--once"),
    "doctor": ("lifecycle", "doctor"),
    "alembic": ("alembic", "-c", str(ROOT / "pyproject.toml"), "upgrade", "head"),
}


@pytest.mark.parametrize("module", ENTRY_POINTS.values(), ids=ENTRY_POINTS)
def test_settings_that_cannot_be_read_stop_the_start_with_one_line(tmp_path, module):
    (tmp_path / ".env").write_bytes("SDK_APPS=1:a\n# 回调\n".encode("gbk"))
    without_flask = {"FLASK_SKIP_DOTENV": "1"}  # as in an environment that make has made

    done = run(sys.executable, "-m", *module, folder=tmp_path, **without_flask)

    assert done.returncode != 0
    line = f"{tmp_path}/.env can't be read: line 2 is not UTF-8"
    assert done.stderr.removeprefix("lifecycle: ") == f"{line}\n"


def test_receiver_does_not_start_without_apps(tmp_path):
    done = run(sys.executable, "-m", *RECEIVER, folder=tmp_path)

    assert done.returncode != 0
    assert done.stderr.startswith("SDK_APPS is not set; set it to sdkappid[:token[:token]][,…]")
    assert done.stderr.count("\n") == 1


def test_receiver_does_not_start_without_a_folder_to_write_to(tmp_path):
    (tmp_path / "file").write_text("")

    done = run(
        sys.executable, "-m", *RECEIVER, folder=tmp_path, SDK_APPS="1", JOURNAL_DIR="file/journal"
    )

    assert done.returncode != 0
    assert done.stderr.startswith("JOURNAL_DIR: no folder can be written to: file/journal: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("module", [RECEIVER, ALL_IN_ONE], ids=["receiver", "app"])
def test_reload_with_a_wrong_setting_keeps_those_in_use(folder, tmp_path, module):
    """A worker that is replaced meanwhile uses them as well."""
    port = free_port()
    settings = {"PORT": str(port), "JOURNAL_DIR": str(tmp_path / "journal"), "WEB_CONCURRENCY": "1"}
    (tmp_path / ".env").write_text("SDK_APPS=888888\n")
    options = {"stderr": subprocess.PIPE}
    with process(*module, folder=tmp_path, popen=options, **settings) as started:
        read_until_it_logs(started, "Booting worker")
        for text, told in [
            ("SDK_APPS=888888:\n", "settings are not reloaded: SDK_APPS='888888…' is not allowed"),
            ("SDK_APPS=888888:new\n", "Hang up: Master"),
        ]:
            assert post_creations(f"127.0.0.1:{port}", ["kept"]) == [200]
            (tmp_path / ".env").write_text(text)
            started.send_signal(signal.SIGHUP)
            read_until_it_logs(started, told)
            read_until_it_logs(started, "Worker exiting")

        assert post_creations(f"127.0.0.1:{port}", ["signed"]) == [403]


def read_until_it_logs(started, text):
    while text not in (line := started.stderr.readline()):
        assert line, "it has ended"


def test_all_in_one_records_and_serves_on_one_port(folder, tmp_path):
    port, journal = str(free_port()), str(tmp_path / "journal")
    settings = {"PORT": port, "SDK_APPS": "888888", "JOURNAL_DIR": journal}
    with process(*ALL_IN_ONE, folder=folder, **settings) as started:
        read_banner(started, "/docs")
        assert post_creations(f"127.0.0.1:{port}", ["all in one"]) == [200]
        path = "/history?subject_id=all%20in%20one"
        found = read_until(f"127.0.0.1:{port}", folder, path, lambda page: page.get("items"))
        assert wait_until(lambda: len(descendants(started.pid)) == 3)  # two workers, a recorder
        family = descendants(started.pid)
    assert len(found["items"]) == 1
    assert wait_until(lambda: not any(map(is_alive, family)))


def wait_until(condition):
    deadline = monotonic() + WAIT_SECONDS
    while not (met := condition()) and monotonic() < deadline:
        sleep(0.05)
    return met


@pytest.fixture
def runner(folder, tmp_path):
    """What `make run` starts, with a journal of its own."""
    ports = {"PORT": str(free_port()), "READ_PORT": str(free_port())}
    settings = {
        **ports,
        "SDK_APPS": "888888",
        "JOURNAL_DIR": str(tmp_path / "journal"),
        "BIN": str(Path(sys.executable).parent),
        "RUN_AS": pwd.getpwuid(os.geteuid()).pw_name,
        "RUN_DIR": str(tmp_path),
    }
    module = ("supervisor.supervisord", "-c", str(ROOT / "serving" / "supervisord.conf"))
    with process(*module, folder=folder, **settings) as started:
        banner = ""
        while not ("/docs" in banner and "webhook URL" in banner):
            banner += started.stdout.readline()
        yield started, f"127.0.0.1:{ports['PORT']}", f"127.0.0.1:{ports['READ_PORT']}"


def test_runner_starts_again_what_dies(runner, folder):
    started, receiver, reader = runner
    for number in range(3):
        before = descendants(started.pid)
        for pid in before:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        mark, path = [f"again-{number}"], f"/history?subject_id=again-{number}"
        assert wait_until(lambda: try_to(post_creations, receiver, mark) == [200])  # noqa: B023
        assert wait_until(lambda: try_to(read, reader, folder, path)["items"])  # noqa: B023


def try_to(call, *arguments):
    """Call a process that may not have started yet."""
    with suppress(OSError):
        return call(*arguments)
    return {"items": []}


def test_runner_ends_all_in_some_seconds_though_connections_are_idle(runner):
    started, receiver, _ = runner
    host, port = receiver.split(":")
    children = descendants(started.pid)
    with socket.create_connection((host, int(port))) as idle:
        idle.sendall(head(f"Content-Length: {len(RAW)}") + RAW)
        assert idle.recv(12) == b"HTTP/1.1 200"
        started.terminate()

        started.wait(15)

    assert len(children) >= 3
    assert not any(map(is_alive, children))


@pytest.mark.parametrize("is_locked", [False, True], ids=["at work", "database is locked"])
def test_runner_that_stops_under_load_kills_nothing_and_loses_nothing(
    runner, folder, tmp_path, is_locked
):
    """The recorder exits last, in the middle of its work."""
    started, receiver, _ = runner
    database = f"sqlite:///{folder}/var/audit.db"
    acknowledged = []

    def send_until_it_stops(sender):
        connection = http.client.HTTPConnection(receiver, timeout=WAIT_SECONDS)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            for number in count():
                group = f"stop-{is_locked}-{sender}-{number}"
                body = json.dumps(group_destroyed(GroupId=group))
                connection.request("POST", CALLBACK, body=body)
                with connection.getresponse() as response:
                    response.read()
                    if response.status == 200:
                        acknowledged.append(group)

    with ThreadPoolExecutor(8) as pool, ExitStack() as lock:
        for sender in range(8):
            pool.submit(send_until_it_stops, sender)
        assert wait_until(lambda: len(acknowledged) > 100)
        assert wait_until((tmp_path / "journal" / "status.json").exists)  # a recorder is at work
        if is_locked:
            lock.enter_context(begin(sa.make_url(database)))
        before = descendants(started.pid)
        started.terminate()
        started.wait(STOP_SECONDS)
    told = started.stdout.read()
    left = {**os.environ, "DATABASE_URL": database, "JOURNAL_DIR": str(tmp_path / "journal")}
    once = run(sys.executable, "-m", *RECORDER, "--once", folder=folder, **left)

    assert "killing" not in told
    assert once.returncode == 0, once.stderr
    assert not any(map(is_alive, before))
    with closing(sqlite3.connect(f"{folder}/var/audit.db")) as connection:
        query = "SELECT subject_id FROM lifecycle_events WHERE subject_id LIKE ?"
        stored = connection.execute(query, [f"stop-{is_locked}-%"]).fetchall()
    assert {*acknowledged} <= {group for (group,) in stored}
    assert len({*stored}) == len(stored)


@contextmanager
def begin(url):
    """Keep the turn to write."""
    with closing(RecorderDatabase(url)) as database, database.begin():
        yield


FILES = 200


def limit_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))


def test_idle_connections_take_no_file_from_the_journal(tmp_path):
    port = free_port()
    settings = {"PORT": str(port), "SDK_APPS": "888888", "WEB_CONCURRENCY": "1"}
    log = tmp_path / "log"
    with ExitStack() as stack:
        arguments = {"stderr": stack.enter_context(log.open("w")), "preexec_fn": limit_files}
        receiver = process(*RECEIVER, folder=tmp_path, popen=arguments, **settings)
        read_banner(stack.enter_context(receiver), "webhook URL")
        first = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_SECONDS)
        stack.callback(first.close)
        first.connect()
        send(first)
        for _ in range(2 * FILES):
            idle = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            idle.sendall(b"POST")

        answers = [send(first)[0] for _ in range(5)]
        (segment,) = (tmp_path / "var" / "journal").glob("*.open")
        segment.unlink()  # so that the next one takes a file
        answers += [send(first)[0] for _ in range(5)]

    assert answers == [200] * 10
    assert "Too many open files" not in log.read_text()
    assert f"a process may open {FILES} files" in log.read_text()
