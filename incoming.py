"""A request as it arrives on a connection, before any thread has to do with it."""

import re
import struct
from collections.abc import Iterable
from contextlib import suppress
from select import POLLOUT, poll
from socket import MSG_DONTWAIT, SO_SNDBUF, SO_SNDTIMEO, SOL_SOCKET
from typing import Any

from gunicorn.http import get_parser
from gunicorn.http.unreader import IterUnreader
from gunicorn.workers.gthread import TConn

READ_BYTES = 64 * 1024
SEND_BYTES = 256 * 1024  # of answers not yet taken, before a thread has to wait
SEND_TIMEOUT = struct.pack("ll", 3, 0)  # seconds and microseconds; a stalled sender waits twice
MAX_LINES_BYTES = 64 * 1024  # of a head, of the line before a chunk, of trailers
MAX_REQUEST_BYTES = 64 * 1024 * 1024
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
MORE, DOUBT = 0, -1

# A length, or chunks; neither where it is one of these headers and not sound.
FRAMING = re.compile(
    rb"(?i)\r\n(?:content-length:[ \t]*(\d{1,18})[ \t]*(?=\r\n)"
    rb"|transfer-encoding:[ \t]*(chunked)[ \t]*(?=\r\n)|(?:content-length|transfer-encoding):)"
)
EXPECT = re.compile(
    rb"(?i)\A([^\r\n]* HTTP/1\.1\r\n(?:.*\r\n)*?)expect:[ \t]*100-continue[ \t]*\r\n"
)
CHUNK = re.compile(rb"([0-9a-fA-F]{1,16})[^\r\n]*\r\n")


class Connection(TConn):  # type: ignore[misc]
    """A client, and what has arrived of its next request.

    Attributes:
        given_bytes: length of the request that a thread has.
        is_last: whether what follows that request is passed over.
        is_brief_post: whether that request, as far as can be told here, is a callback.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.sock.setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BYTES)
        self.sock.setsockopt(SOL_SOCKET, SO_SNDTIMEO, SEND_TIMEOUT)
        self.parser = get_parser(self.cfg, [], self.client)
        self.initialized = True  # gunicorn would make a parser that reads from the socket
        self.received = bytearray()
        self.next_chunk = 0
        self.given_bytes = 0
        self.is_last = False
        self.is_brief_post = False

    def receive(self) -> bool:
        """Read what is there; tell whether more can follow."""
        try:
            data = self.sock.recv(READ_BYTES, MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not self.is_last:
            self.received += data
        return bool(data)

    def find_end(self) -> int:
        """Tell where the request ends: MORE if that is still to come, DOUBT if it is unsound."""
        data = self.received
        head = data.find(b"\r\n\r\n") + 4
        if head < 4:
            return DOUBT if len(data) > MAX_LINES_BYTES else MORE
        framing = FRAMING.findall(data, 0, head)
        if not framing:
            return head
        length, chunked = framing[0]
        if len(framing) > 1 or not (length or chunked):
            return DOUBT
        end = self.find_last_chunk(head) if chunked else head + int(length)
        if end > MAX_REQUEST_BYTES:
            return DOUBT
        return end if end <= len(data) else MORE

    def find_last_chunk(self, head: int) -> int:
        """Go on where the last call stopped; tell where the body ends, or will at the earliest."""
        data, at = self.received, max(self.next_chunk, head)
        while (line := CHUNK.match(data, at)) and int(line[1], 16):
            at = line.end() + int(line[1], 16) + len(b"\r\n")
        self.next_chunk = at
        if line and (trailers := data.find(b"\r\n\r\n", line.end() - 2)) >= 0:
            return trailers + 4
        if len(data) - at > MAX_LINES_BYTES or (not line and data.find(b"\n", at) >= 0):
            return DOUBT
        return max(at, len(data)) + 1

    def invite(self) -> None:
        """Tell a client to go on that waits with the body; gunicorn would once a thread has it."""
        if self.received.find(b"\r\n\r\n") + 4 == len(self.received):
            self.received[:], asks = EXPECT.subn(rb"\1", self.received)
            self.next_chunk = 0
            if asks:
                self.send(CONTINUE)

    def send(self, answer: bytes) -> None:
        """Send a few bytes, if the client is still there."""
        with suppress(OSError):
            self.sock.send(answer, MSG_DONTWAIT)

    def has_room(self) -> bool:
        """Tell whether a thread can send at once: it cannot if the client takes no answers."""
        room = poll()
        room.register(self.sock, POLLOUT)
        return bool(room.poll(0))

    def give(self, end: int) -> None:
        """Let the parser read the request that ends there, in pieces as from a socket."""
        self.is_last = end == DOUBT
        end = len(self.received) if self.is_last else end
        given, self.received = self.received, self.received[end:]
        del given[end:]
        self.is_brief_post = not self.is_last and given.startswith(b"POST ") and end <= READ_BYTES
        pieces = (bytes(given[at : at + READ_BYTES]) for at in range(0, end, READ_BYTES))
        self.parser.unreader = IterUnreader(pieces)
        self.given_bytes, self.next_chunk = end, 0

    def close(self, graceful: bool = False) -> None:
        """Close; who is in the middle of a request learns why."""
        if self.received:
            self.send(TIMEOUT)
        super().close()


def find_excess(conns: Iterable[Connection], most: int) -> Connection | None:
    """Find the connection that holds most, if all together hold more than ``most`` bytes."""
    held = {conn: len(conn.received) for conn in conns}
    return max(held, key=lambda conn: held[conn]) if sum(held.values()) > most else None
