"""The receiver at its socket: whatever bytes arrive, only their own connection is affected."""

import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from random import Random, SystemRandom

import pytest

from services.journal.folder import list_waiting
from services.journal.records import Kind, read_records
from tests.fuzz.requests import change_bytes, make_request
from tests.payloads import group_destroyed
from tests.processes import descendants
from tests.test_serving import RECEIVER, free_port, process, read_banner

MOST = int(os.environ.get("FUZZ", "300"))
SEED = int(os.environ.get("SEED", SystemRandom().randrange(10**6)))
AT_ONCE = 8
QUERY = "SdkAppid=888888&CallbackCommand=Group.CallbackAfterGroupDestroyed"
BODY = json.dumps(group_destroyed()).encode()
OF_GUNICORN = {414, 417, 431, 501, 505}


def read_to_end(sock):
    """Read until the other side has closed the connection."""
    found = b""
    with suppress(ConnectionError):
        while piece := sock.recv(65536):
            found += piece
    return found


class Wire:
    """A receiver with one worker, and its journal."""

    def __init__(self, port, pid, folder):
        self.port, self.pid, self.folder = port, pid, folder

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def send(self, *pieces):
        """Send bytes, close our side, and return what comes back until the other one is closed."""
        with self.connect() as sock:
            with suppress(OSError):  # it closes while we still send
                for piece in pieces:
                    sock.sendall(piece)
                sock.shutdown(socket.SHUT_WR)
            return read_to_end(sock)

    def read_callbacks(self):
        """The bodies in the journal, which must all be whole."""
        found = []
        for file in list_waiting(self.folder):
            for record, _ in read_records(file.path.read_bytes(), complete=True):
                assert record is not None
                found += [record] if record.kind == Kind.CALLBACK else []
        return found


@pytest.fixture(scope="module")
def wire(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("wire")) as wire:
        yield wire


@contextmanager
def serving(folder):
    port = free_port()
    settings = {"SDK_APPS": "888888", "WEB_CONCURRENCY": "1", "PORT": str(port)}
    with process(*RECEIVER, folder=folder, **settings) as started:
        read_banner(started, "webhook URL")
        wire = Wire(port, started.pid, folder / "var" / "journal")
        assert status_of(wire.send(post(f"/callback?{QUERY}"))) == 200  # its worker has started
        yield wire


@pytest.fixture(autouse=True)
def _nothing_else_notices(wire):
    """The same worker takes a callback after each test."""
    before = descendants(wire.pid)
    yield
    assert status_of(wire.send(post(f"/callback?{QUERY}"))) == 200
    assert descendants(wire.pid) == before


def post(target, *headers, body=BODY, length=True):
    if length:
        headers = (*headers, f"Content-Length: {len(body)}")
    head = "\r\n".join([f"POST {target} HTTP/1.1", "Host: x", *headers, "", ""])
    return head.encode("latin-1") + body


def post_chunks(target, data):
    return post(target, "Transfer-Encoding: chunked", body=data, length=False)


def status_of(answer):
    return int(answer.split()[1])


@pytest.mark.parametrize(
    "target",
    [
        *("/callback", "//callback", "/callback/", "/CALLBACK", "/%63allback", "/callback%2F"),
        *("http://x/callback", "http://x", "http://x/", "https://x//callback", "/", "///"),
    ],
)
def test_address_may_be_written_in_any_way(wire, target):
    answer = wire.send(post(f"{target}?{QUERY}"))

    assert status_of(answer) == 200


@pytest.mark.parametrize(
    "headers",
    [["SCRIPT_NAME: /x"], ["SCRIPT_NAME: /callback"], [f"X-{n}: y" for n in range(90)]],
    ids=["script name", "script name of the address", "many"],
)
def test_header_fields_of_a_proxy_do_no_harm(wire, headers):
    assert status_of(wire.send(post(f"/callback?{QUERY}", *headers))) == 200


def test_requests_that_can_not_be_read_are_logged_once_without_what_they_say(tmp_path, capfd):
    with serving(tmp_path) as wire:
        for _ in range(20):
            assert status_of(wire.send(post("*?Sign=secret"))) == 400

    logged = capfd.readouterr().err
    assert logged.count("1 invalid, the last from 127.0.0.1: Invalid HTTP request line") == 1
    assert "secret" not in logged
    assert logged.count("nvalid") == 2


@pytest.mark.parametrize(
    "data",
    [
        *(b"ffffffffffffffff\r\n" + BODY, b"f" * 17 + b"\r\n", b"f" * 100_000, b"-1\r\n", b"\r\n"),
        *(b"7fffffffffffffff\r\n", b"0x5\r\n12345\r\n0\r\n\r\n", b"5;" + b"x" * 100_000),
        *(b"0\r\n" + b"X: y\r\n" * 100_000, b"1\r\nxx\r\n", b"1\nx\n0\n\n", "٣\r\n123".encode()),
    ],
    ids=range(12),
)
def test_chunk_that_can_not_be_ends_its_connection_alone(wire, data):
    with wire.connect() as other:
        before = len(wire.read_callbacks())
        answer = wire.send(post_chunks(f"/callback?{QUERY}", data))
        assert not answer or status_of(answer) in (400, 413, 431)
        assert len(wire.read_callbacks()) == before
        other.sendall(post(f"/callback?{QUERY}"))
        assert status_of(other.recv(65536)) == 200


@pytest.mark.parametrize(("target", "status"), [("/callback?SdkAppid=1", 403), ("/x", 404)])
def test_chunks_of_a_stranger_are_not_waited_for(wire, target, status):
    """The connection is closed without reading on, as one-byte chunks would cost much."""
    with wire.connect() as sock:
        sock.sendall(post_chunks(target, b"1\r\nx\r\n" * 70_000))  # without an end

        assert status_of(read_to_end(sock)) == status


def test_random_bytes_in_random_pieces_are_no_fault_of_ours(wire):
    def answer(number):
        random = Random(SEED + number)
        made = make_request(random)
        target = f"{made.path.encode().decode('latin-1')}?{made.query}"
        data = post(target.replace(" ", "+"), body=made.body).replace(
            b"POST", made.method.encode(), 1
        )
        if random.random() < 0.1:
            data = random.randbytes(random.randrange(5000))
        elif random.random() < 0.5:
            data = change_bytes(random, data)
        cuts = sorted(random.randrange(len(data) + 1) for _ in range(random.randrange(5)))
        pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        return data, wire.send(*pieces)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for data, answered in pool.map(answer, range(MOST)):
            status = status_of(answered) if answered else 400
            assert status < 500 or status in OF_GUNICORN, (SEED, data, answered)
    wire.read_callbacks()
