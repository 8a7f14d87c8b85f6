"""Sending callbacks as Tencent does."""

import socket
from contextlib import closing
from select import select
from threading import Thread

import pytest

from services.operating.sender import Answer, Sender

OK = '{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}'


@pytest.mark.parametrize(
    ("status", "text", "seconds", "is_ok"),
    [
        (200, OK, 1.9, True),
        (200, OK, 2.1, False),  # Tencent has given up
        (201, OK, 0, False),
        (200, OK.replace("OK", "FAIL"), 0, False),
        (200, OK.replace("0}", "1}"), 0, False),
        (200, "<html>", 0, False),
        (200, "[]", 0, False),
        (200, "{}", 0, False),
    ],
)
def test_only_what_tencent_takes_for_delivered_is_ok(status, text, seconds, is_ok):
    assert Answer(status, text, seconds).is_ok is is_ok


def test_answer_is_shown_in_one_short_line_that_no_terminal_obeys():
    shown = str(Answer(200, "\x1b[2J\n" + "ü" * 1000, 0))

    assert shown.isascii()
    assert shown.isprintable()
    assert shown.startswith("200 '\\x1b[2J \\xfc")
    assert shown.count("xfc") < 200


def test_connection_that_was_closed_meanwhile_is_made_anew():
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def answer_twice():
            for _ in range(2):
                client, _ = listener.accept()
                with client:
                    client.recv(65536)
                    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(OK)}\r\n\r\n"
                    client.sendall((head + OK).encode())

        thread = Thread(target=answer_twice)
        thread.start()
        port = listener.getsockname()[1]
        sender = Sender(f"http://127.0.0.1:{port}/callback", {"1": ()})

        first = sender.send({"CallbackCommand": "a"})
        select([sender.connection.sock], [], [], 10)  # until the other end has closed
        second = sender.send({"CallbackCommand": "a"})

        thread.join()
        sender.close()
    assert (first.is_ok, second.is_ok) == (True, True)
