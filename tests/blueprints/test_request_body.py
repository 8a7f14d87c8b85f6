"""Reading a body within limits, and in steps."""

import socket
from io import BytesIO

import gevent
import pytest

from blueprints.request_body import STEP_BYTES, SlowBodyError, read_body, read_start


class Watched(BytesIO):
    """A body that notes the progress of others at each read."""

    def __init__(self, data, others):
        super().__init__(data)
        self.others, self.seen = others, []

    def read(self, size=-1):
        self.seen.append(len(self.others))
        return super().read(size)


def test_others_go_on_while_a_large_body_is_read():
    turns = []

    def count_turns():
        while True:
            turns.append(1)
            gevent.sleep(0)

    other = gevent.spawn(count_turns)
    body = Watched(b"x" * (STEP_BYTES * 10 + 1), turns)

    data = read_body({"wsgi.input": body, "wsgi.input_terminated": True}, 2**20)
    other.kill()

    assert data == body.getvalue()
    assert len({*body.seen}) > 10  # the others had a turn after each step


def test_no_more_is_read_than_is_wanted():
    body = BytesIO(b"x" * 100_000)

    assert read_start({"wsgi.input": body, "wsgi.input_terminated": True}, 40_000) == b"x" * 40_000
    assert body.tell() == 40_000


def test_thread_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr("blueprints.request_body.BODY_SECONDS", 0.1)
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb") as body:
        theirs.sendall(b"begin")
        environ = {"wsgi.input": body, "gunicorn.socket": ours, "CONTENT_LENGTH": "10"}

        with pytest.raises(SlowBodyError):
            read_body(environ, 100)
        assert ours.gettimeout() is None
