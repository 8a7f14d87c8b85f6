"""The worker under a real gunicorn: whoever is slow holds up nobody, and nothing is lost."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from statistics import median
from zlib import crc32

import pytest
from gunicorn.config import Config

from incoming import MORE, Connection
from rounds import RoundWorker
from tests.engines import ROOT

SECONDS = 10  # until a client gives up; the patient worker never does before


class PatientWorker(RoundWorker):
    request_seconds = 60
    takeover_seconds = 0
    max_held_bytes = 1_000_000


class HastyWorker(RoundWorker):
    request_seconds = 0.5
    takeover_seconds = 0


class RelayedWorker(RoundWorker):
    takeover_seconds = 3


def app(environ, start_response):
    """Tell what arrived; refuse a body for its declared length alone, as the service does."""
    status = "200 OK"
    if int(environ.get("CONTENT_LENGTH") or 0) > 1_000_000_000:
        status, body = "413 Content Too Large", b""
    else:
        body = environ["wsgi.input"].read()
    told = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {len(body)} {crc32(body)}".encode()
    if environ["PATH_INFO"] == "/long":
        told = b"x" * int(environ["QUERY_STRING"])
    if environ["PATH_INFO"] == "/worker":
        told = str(os.getpid()).encode()
    if environ["PATH_INFO"] == "/slow":
        time.sleep(int(environ["QUERY_STRING"]))
    start_response(status, [("Content-Length", str(len(told)))])
    return [told]


def load_slowly():
    time.sleep(2)
    return app


class Service:
    """A gunicorn of one worker with two threads, on a port of its own."""

    def __init__(self, folder, worker, *options, app="app", module="tests.test_worker"):
        self.log, self.output = folder / "log", folder / "output"
        command = [sys.executable, "-m", "gunicorn", "-k", f"{module}.{worker}"]
        limits = ["-w", "1", "--threads", "2", "--keep-alive", "75", "--no-control-socket"]
        with self.log.open("w") as log, self.output.open("w") as output:
            self.process = subprocess.Popen(
                [*command, *limits, "-b", "127.0.0.1:0", *options, f"{module}:{app}"],
                cwd=folder,
                env={"PYTHONPATH": str(ROOT)},
                stdout=output,
                stderr=log,
            )
        while not (found := re.search(r"Listening at: http://(\S+):(\d+)", self.log.read_text())):
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)
        self.address = found[1], int(found[2])

    def wait_for_log(self, text, times=1):
        while self.log.read_text().count(text) < times:
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)


@contextmanager
def serving(folder, worker, *options, **app):
    service = Service(folder, worker, *options, **app)
    with service.process:
        try:
            yield service
        finally:
            service.process.terminate()
    assert service.process.returncode == 0
    assert "Traceback" not in service.log.read_text()
    assert "ERROR" not in service.log.read_text()


class Client:
    """A connection that says exactly what it is told to."""

    def __init__(self, service, *, read_bytes=None):
        self.sock = socket.socket()
        if read_bytes:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, read_bytes)
        self.sock.settimeout(SECONDS)
        self.sock.connect(service.address)
        self.stream = self.sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def send_slowly(self, data, pause):
        for byte in data:
            self.send(bytes([byte]))
            time.sleep(pause)

    def read_answer(self, *, to="GET"):
        """Read one answer: its status, whether the connection ends with it, and its body."""
        status = int(self.stream.readline().split()[1])
        lines = iter(self.stream.readline, b"\r\n")
        headers = dict(line.decode().strip().lower().split(": ", 1) for line in lines)
        length = 0 if to == "HEAD" or status == 100 else int(headers["content-length"])
        return status, headers.get("connection") == "close", self.stream.read(length)

    def is_open(self):
        self.sock.setblocking(False)
        try:
            return bool(self.sock.recv(1))
        except BlockingIOError:
            return True
        finally:
            self.sock.settimeout(SECONDS)

    def ask(self, request=None):
        self.send(request or get("/"))
        return self.read_answer()


def get(path, *headers):
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


def head(*headers, version="1.1"):
    return "\r\n".join([f"POST /x HTTP/{version}", "Host: x", *headers, "", ""]).encode()


def told(method, path, body):
    return 200, False, f"{method} {path} {len(body)} {crc32(body)}".encode()


def posted(body):
    return told("POST", "/x", body)


BODY = b'{"a": "\r\n\r\n0\r\n\r\n"}'
CHUNKED = b"5\r\n\r\n0\r\n\r\n0A;name=value\r\n0123456789\r\n"
DECODED = b"\r\n0\r\n0123456789"
WHOLE = {
    "no body": (get("/"), told("GET", "/", b"")),
    "empty line first": (b"\r\n" + get("/"), told("GET", "/", b"")),
    "length": (head(f"Content-Length: {len(BODY)}") + BODY, posted(BODY)),
    "length in other words": (head(f"content-LENGTH:0{len(BODY)} ") + BODY, posted(BODY)),
    "length of nothing": (head("Content-Length: 0"), posted(b"")),
    "body of a GET": (get("/", "Content-Length: 3") + b"abc", told("GET", "/", b"abc")),
    "chunks": (head("Transfer-Encoding: chunked") + CHUNKED + b"0\r\n\r\n", posted(DECODED)),
    "trailers": (
        head("transfer-encoding:CHUNKED") + CHUNKED + b"00;x=y\r\nA: 1\r\nB: 0\r\n\r\n",
        posted(DECODED),
    ),
}
UNSOUND = {
    "garbage": b"garbage\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00" + b"x" * 100 + b"\r\n\r\n",
    "two lengths": head("Content-Length: 1", "Content-Length: 1") + b"x",
    "length and chunks": head("Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "negative length": head("Content-Length: -1"),
    "length in words": head("Content-Length: five"),
    "list of lengths": head("Content-Length: 5, 5") + b"12345",
    "other coding": head("Transfer-Encoding: identity"),
    "head without end": b"GET / HTTP/1.1\r\nA: " + b"a" * 66_000,
    "line without end": b"G" * 66_000,
}
whole = pytest.mark.parametrize(("request_", "expected"), WHOLE.values(), ids=WHOLE)


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("patient"), "PatientWorker") as service:
        yield service


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("hasty"), "HastyWorker") as service:
        yield service


@pytest.fixture
def client(patient):
    with Client(patient) as client:
        yield client


@pytest.fixture
def crowd():
    """Open many connections, to be closed at the end of the test."""
    with ExitStack() as stack:
        yield lambda service, count, **options: [
            stack.enter_context(Client(service, **options)) for _ in range(count)
        ]


@pytest.fixture
def arriving():
    """A connection, and a function that sends it bytes."""
    here, there = socket.socketpair()
    here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)  # as TCP begins
    with here, there:
        yield Connection(Config(), here, ("127.0.0.1", 1), ("127.0.0.1", 2)), there.sendall


@whole
def test_end_of_a_request_is_seen_with_its_last_byte(arriving, request_, expected):
    conn, send = arriving
    for byte in request_:
        assert conn.find_end() == MORE
        send(bytes([byte]))
        assert conn.receive()

    assert conn.find_end() == len(request_)
    send(b"GET / HT")
    assert conn.receive()
    assert conn.find_end() == len(request_)


def test_reset_connection_has_ended():
    here, there = socket.socketpair()
    conn = Connection(Config(), here, ("127.0.0.1", 1), ("127.0.0.1", 2))
    conn.send(b"never read")
    there.close()

    assert not conn.receive()
    conn.close()


@pytest.mark.parametrize("request_", UNSOUND.values(), ids=UNSOUND)
def test_unsound_request_is_handed_over_at_once_and_refused(patient, crowd, request_):
    clients = crowd(patient, 3)
    for client in clients:
        client.send(request_)

    for client in clients:
        answer = client.stream.read()
        assert not answer or answer.split()[1] in (b"400", b"414")


@whole
def test_request_is_answered_in_one_piece_in_many_and_before_another(client, request_, expected):
    client.send(request_)
    assert client.read_answer() == expected
    client.send_slowly(request_, 0.0005)
    assert client.read_answer() == expected
    client.send(request_ + get("/next") + request_)
    assert client.read_answer() == expected
    assert client.read_answer() == told("GET", "/next", b"")
    assert client.read_answer() == expected


def test_head_is_answered_without_a_body(client):
    client.send(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" + get("/"))

    assert client.read_answer(to="HEAD") == (200, False, b"")
    assert client.read_answer() == told("GET", "/", b"")


STALLED = {
    "nothing": b"",
    "half a head": get("/")[:20],
    "half a body": head("Content-Length: 10") + b"12345",
    "half a chunk": head("Transfer-Encoding: chunked") + b"5\r\n12",
    "half of the trailers": head("Transfer-Encoding: chunked") + b"0\r\nA: 1\r\n",
    "large body": head("Content-Length: 50000000") + b"12345",
    "one and a half": get("/") + get("/")[:20],
}


@pytest.mark.parametrize("stalled", STALLED.values(), ids=STALLED)
def test_stalled_clients_hold_up_nobody(patient, crowd, stalled):
    (before,) = crowd(patient, 1)
    assert before.ask() == told("GET", "/", b"")
    clients = crowd(patient, 300)
    for client in clients:
        client.send(stalled)

    for after in [before, *crowd(patient, 10)] * 2:
        assert after.ask() == told("GET", "/", b"")
    if stalled.startswith(get("/")):
        assert {client.read_answer() for client in clients} == {told("GET", "/", b"")}
    assert all(client.is_open() for client in clients)
    if stalled.endswith(get("/")[:20]):
        for client in clients:
            client.send(get("/")[20:])
            assert client.read_answer() == told("GET", "/", b"")


def test_clients_that_do_not_close_hold_up_nobody(patient, crowd):
    *clients, after = crowd(patient, 20)
    for client in clients:
        client.send(get("/", "Connection: close"))

    assert after.ask() == told("GET", "/", b"")
    assert {client.read_answer()[:2] for client in clients} == {(200, True)}


def test_client_that_still_sends_can_read_why_it_is_refused(client):
    client.send(head("Content-Length: 10000000000000"))
    for _ in range(10):
        client.send(b"a" * 1000)
        time.sleep(0.02)

    assert client.read_answer()[0] == 413


def test_answer_of_a_usual_size_never_waits_for_room(arriving):
    conn, _ = arriving
    answer = b"a" * 200_000

    sent = 0
    while conn.has_room():
        assert conn.sock.send(answer, socket.MSG_DONTWAIT) == len(answer)
        sent += 1
    assert sent


def test_clients_that_ask_without_reading_hold_up_nobody(patient, crowd):
    for client in crowd(patient, 10, read_bytes=4096):
        client.send(get("/long?50000") * 200)

    (after,) = crowd(patient, 1)
    for _ in range(20):
        assert after.ask() == told("GET", "/", b"")
        time.sleep(0.05)


def test_client_that_takes_no_long_answer_loses_its_thread(patient, crowd):
    for client in crowd(patient, 2, read_bytes=4096):
        client.send(get("/long?50000000"))

    (after,) = crowd(patient, 1)
    assert after.ask() == told("GET", "/", b"")


@pytest.mark.parametrize("start", [*STALLED.values()][1:6], ids=[*STALLED][1:6])
def test_trickling_client_is_cut_off(hasty, crowd, start):
    (client,) = crowd(hasty, 1)
    client.send(start)

    with suppress(ConnectionError):
        client.send_slowly(b"1" * 200, 0.05)
        pytest.fail("it could go on")


def test_client_that_is_cut_off_learns_why(hasty, crowd):
    (client,) = crowd(hasty, 1)
    client.send(STALLED["half a body"])

    assert client.read_answer() == (408, True, b"")
    assert client.stream.read() == b""


def test_silent_client_has_more_time_than_a_slow_one(hasty, crowd):
    silent, idle = crowd(hasty, 2)
    assert idle.ask() == told("GET", "/", b"")

    time.sleep(HastyWorker.request_seconds + 1.5)

    assert silent.ask() == idle.ask() == told("GET", "/", b"")


def test_silent_client_is_left_in_the_end(tmp_path, crowd):
    with serving(tmp_path, "HastyWorker", "--keep-alive", "1") as service:
        silent, idle = crowd(service, 2)
        assert idle.ask() == told("GET", "/", b"")

        assert silent.stream.read() == idle.stream.read() == b""


def test_slow_client_is_waited_for_even_without_keep_alive(tmp_path, crowd):
    with serving(tmp_path, "PatientWorker", "--keep-alive", "0") as service:
        (client,) = crowd(service, 1)
        time.sleep(1.5)

        assert client.ask()[:2] == (200, True)


ASKING = {
    "length": (head("Expect: 100-Continue", f"Content-Length: {len(BODY)}"), BODY),
    "chunks": (head("Transfer-Encoding: chunked", "Expect:100-continue"), b"1\r\na\r\n0\r\n\r\n"),
}
asking = pytest.mark.parametrize(("head_", "body"), ASKING.values(), ids=ASKING)


@asking
def test_client_that_asks_first_is_told_once_to_continue(client, head_, body):
    expected = posted(b"a" if b"chunked" in head_ else body)

    client.send(head_[:-1])
    client.send(head_[-1:])
    assert client.read_answer() == (100, False, b"")
    client.send_slowly(body, 0.001)
    assert client.read_answer() == expected
    assert client.ask() == told("GET", "/", b"")


@asking
def test_client_that_asks_but_does_not_wait_is_told_once_too(client, head_, body):
    expected = posted(b"a" if b"chunked" in head_ else body)

    client.send(head_ + body)
    assert client.read_answer() == (100, False, b"")
    assert client.read_answer() == expected
    assert client.ask() == told("GET", "/", b"")


def test_old_client_is_not_told_to_continue(client):
    client.send(head("Expect: 100-continue", "Content-Length: 1", version="1.0"))
    time.sleep(0.2)
    client.send(b"a")

    assert client.read_answer() == (200, True, posted(b"a")[2])


def test_body_that_is_far_too_large_is_not_waited_for(client):
    client.send(head("Content-Length: 10000000000000") + b"a")

    assert client.read_answer()[:2] == (413, False)
    assert client.stream.read() == b""


@pytest.mark.parametrize("size", [10_000, 20_000_000])
def test_large_body_is_taken(hasty, crowd, size):
    body = bytes(range(250)) * (size // 250)

    for client in crowd(hasty, 2):
        client.send(head(f"Content-Length: {size}") + body)
        assert client.read_answer() == posted(body)
        chunk = b"%x\r\n%s\r\n" % (size, body)
        client.send(head("Transfer-Encoding: chunked") + chunk + b"0\r\n\r\n")
        assert client.read_answer() == posted(body)
        request, expected = WHOLE["chunks"]
        assert client.ask(request) == expected


def test_request_that_breaks_off_ends_the_connection(patient, crowd):
    for client, start in zip(crowd(patient, len(STALLED)), STALLED.values(), strict=True):
        client.send(start)
        client.sock.shutdown(socket.SHUT_WR)
        client.stream.read()


def test_largest_request_is_dropped_when_all_are_too_large(patient, crowd):
    before, large, *others = crowd(patient, 4)
    for _ in range(10):
        assert before.ask(head("Content-Length: 150000") + b"a" * 150_000)[0] == 200
    for client, size in zip([large, *others], (800_000, 150_000, 150_000), strict=True):
        client.send(head(f"Content-Length: {size + 1}") + b"a" * size)

    assert large.read_answer() == (408, True, b"")
    for client in others:
        client.send(b"a")
        assert client.read_answer() == posted(b"a" * 150_001)


@pytest.mark.parametrize("stalled", ["nothing", "half a body"])
def test_slowest_clients_make_room_for_others(tmp_path, crowd, stalled):
    limits = ["--worker-connections", "20", "--graceful-timeout", "1"]
    with serving(tmp_path, "PatientWorker", *limits) as service:
        slow = crowd(service, 40)
        for client in slow:
            with suppress(ConnectionError):
                client.send(STALLED[stalled])

        for _ in range(3):
            with Client(service) as client:
                assert client.ask()[:1] == (200,)
        assert any(client.is_open() for client in slow[20:])


def test_request_half_sent_when_the_service_stops_is_answered(tmp_path, crowd):
    with serving(tmp_path, "PatientWorker") as service:
        half, slow, between, idle = crowd(service, 4)
        assert idle.ask() == between.ask() == told("GET", "/", b"")
        half.send(STALLED["half a body"])
        slow.send(get("/slow?1"))
        assert half.is_open()
        time.sleep(0.2)
        service.process.send_signal(signal.SIGTERM)
        service.wait_for_log("Handling signal: term")
        time.sleep(0.5)

        assert between.ask() == (200, True, told("GET", "/", b"")[2])
        assert slow.read_answer() == told("GET", "/slow", b"")
        assert slow.ask() == (200, True, told("GET", "/", b"")[2])
        half.send(b"67890")
        assert half.read_answer() == (200, True, posted(b"1234567890")[2])
        assert idle.stream.read() == b""
        assert service.process.wait(SECONDS) == 0


def ask_until(deadline, service):
    """Ask again and again on one connection, on another one only when told to."""
    answers = []
    client = Client(service)
    while time.monotonic() < deadline:
        answers.append(client.ask())
        if answers[-1][1]:
            client.__exit__()
            client = Client(service)
        time.sleep(0.002)
    client.__exit__()
    return answers


def test_restart_of_the_workers_loses_no_request(tmp_path):
    with serving(tmp_path, "PatientWorker", "-w", "2") as service, ThreadPoolExecutor(8) as pool:
        service.wait_for_log("Booting worker", 2)
        asking = [pool.submit(ask_until, time.monotonic() + 4, service) for _ in range(8)]
        for booted in (4, 6):
            time.sleep(0.5)
            service.process.send_signal(signal.SIGHUP)
            service.wait_for_log("Booting worker", booted)
        answers = [each.result() for each in asking]

    assert all(sum(closes for _, closes, _ in each) >= 1 for each in answers)
    assert {answer[::2] for each in answers for answer in each} == {told("GET", "/", b"")[::2]}


def test_restart_of_the_workers_delays_no_new_connection(tmp_path):
    with serving(tmp_path, "RelayedWorker", app="load_slowly()") as service:
        with Client(service) as client:
            assert client.ask() == told("GET", "/", b"")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for_log("Booting worker", 2)

        began = time.monotonic()
        for _ in range(10):
            with Client(service) as client:
                assert client.ask() == told("GET", "/", b"")
        assert time.monotonic() - began < 1


def test_connections_are_spread_over_the_workers(tmp_path):
    with serving(tmp_path, "PatientWorker", "-w", "2") as service:
        while len(both := {*ask_for_workers(service, 20)}) < 2:
            pass
        rounds = [ask_for_workers(service, 40) for _ in range(9)]

    shares = [min(workers.count(worker) for worker in both) for workers in rounds]
    # A worker that has no processor for a moment misses a few.
    assert median(shares) > 12


def ask_for_workers(service, count):
    """Open some connections one after the other; tell who answers on each."""
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(service)) for _ in range(count)]
        workers = [client.ask(get("/worker"))[2] for client in clients]
        for client in clients:
            client.sock.shutdown(socket.SHUT_WR)
            assert client.stream.read() == b""  # so that it is counted no more
        return workers
