"""Posts are begun together and answered together, under a real gunicorn."""

import re
import time
from contextlib import contextmanager
from threading import Event, Lock

import pytest

from tests.test_worker import Client, PatientWorker, Service, get

begun = []
begun_both, let_go, paused, released = Event(), Event(), Event(), Event()
counting = Lock()


class OrderlyWorker(PatientWorker):
    """Has one round at a time, however long it takes."""

    overlap_seconds = 60


class Answer:
    """An answer that waits for something only once it is asked for."""

    def __init__(self, wait, start_response, patience):
        self.wait, self.start_response, self.patience_seconds = wait, start_response, patience

    def __iter__(self):
        waited = self.wait()
        self.start_response("200 OK", [("Content-Length", "4")])
        yield b"True" if waited else b"Fals"


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/together":
        with counting:
            begun.append(1)
            if len(begun) == 2:
                begun_both.set()
        return Answer(lambda: begun_both.wait(2), start_response, 9)
    if path == "/patient":
        return Answer(lambda: let_go.wait(2), start_response, 9)
    if path == "/hasty":
        return Answer(lambda: let_go.set() or True, start_response, 1)
    if path == "/broken":
        raise ValueError("broken at once")
    if path == "/breaking":
        return Answer(lambda: 1 / 0, start_response, 9)
    if path == "/slow":
        time.sleep(2)
    if path == "/pause":
        paused.set()
        released.wait(5)
    if path == "/paused":
        paused.wait(5)
    if path == "/release":
        released.set()
    start_response("200 OK", [("Content-Length", "4")])
    return [b"done"]


@contextmanager
def serving(folder, worker, *more):
    options = ["--access-logfile", "-", "--access-logformat", "seen %(m)s %(U)s %(s)s", *more]
    service = Service(folder, worker, *options, module="tests.test_rounds")
    with service.process:
        try:
            yield service
        finally:
            service.process.terminate()


@pytest.fixture
def service(tmp_path):
    with serving(tmp_path, "PatientWorker") as service:
        yield service


@pytest.fixture
def orderly(tmp_path):
    with serving(tmp_path, "OrderlyWorker") as service:
        yield service


def post(path):
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode()


def ask_together(service, *paths):
    """Post while a round goes on, so that the next one has them all; give statuses and bodies."""
    clients = [Client(service) for _ in paths]
    with Client(service) as first, Client(service) as other:
        first.send(post("/pause"))
        assert other.ask(get("/paused"))[0] == 200
        for client, path in zip(clients, paths, strict=True):
            client.send(post(path))
        assert other.ask(get("/release"))[0] == 200
        answers = [client.read_answer() for client in clients]
    for client in clients:
        client.sock.close()
    return [(status, body) for status, _, body in answers]


def test_posts_are_begun_before_one_is_waited_for(orderly):
    assert ask_together(orderly, "/together", "/together") == [(200, b"True")] * 2


def test_answer_with_the_least_patience_comes_first(orderly):
    assert ask_together(orderly, "/patient", "/hasty") == [(200, b"True")] * 2


@pytest.mark.parametrize("fault", ["/broken", "/breaking"])
def test_fault_of_one_post_does_not_touch_the_others(orderly, fault):
    (status, _), *others = ask_together(orderly, fault, "/a", "/b")

    assert status == 500
    assert others == [(200, b"done")] * 2
    assert f"Error handling request POST {fault}" in orderly.log.read_text()


def test_round_that_waits_does_not_hold_up_the_next(service):
    with Client(service) as slow, Client(service) as quick:
        slow.send(post("/slow"))
        time.sleep(0.1)
        began = time.monotonic()
        assert quick.ask(post("/"))[0] == 200
        assert time.monotonic() - began < 1
        assert slow.read_answer()[0] == 200


def test_readers_take_no_thread_from_posts(service):
    readers = [Client(service) for _ in range(4)]  # of two threads
    for reader in readers:
        reader.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
    time.sleep(0.1)
    with Client(service) as client:
        began = time.monotonic()
        assert client.ask(post("/"))[0] == 200
        assert time.monotonic() - began < 1
    for reader in readers:
        assert reader.read_answer()[0] == 200
        reader.sock.close()


def test_posts_are_in_the_access_log(service):
    with Client(service) as client:
        assert client.ask(post("/some"))[0] == 200

    while not re.search("seen POST /some 200", service.output.read_text()):
        time.sleep(0.02)


def test_hook_that_fails_fails_no_post(tmp_path):
    settings = tmp_path / "settings.py"
    settings.write_text(
        "def post_request(worker, req, environ, resp):\n    raise ValueError('hook')\n"
    )
    with (
        serving(tmp_path, "PatientWorker", "-c", str(settings)) as service,
        Client(service) as client,
    ):
        assert [client.ask(post("/"))[0] for _ in range(2)] == [200, 200]

    assert service.log.read_text().count("Exception in post_request hook") == 2


def test_body_that_the_app_leaves_unread_does_not_end_the_connection(service):
    with Client(service) as client:
        assert [client.ask(post("/"))[:2] for _ in range(3)] == [(200, False)] * 3
