"""gunicorn's ``gthread``, but a thread gets a request only once all of it is there.

gunicorn's threads read from the sockets, so a few clients that stop half-way hold up all others.
Here the main loop reads, a thread never does, and whoever is too slow is cut off.
"""

from collections import deque
from concurrent.futures import Future
from errno import EMFILE, ENFILE
from functools import partial
from math import inf
from selectors import EVENT_READ
from socket import SHUT_WR, socket
from time import monotonic
from types import FrameType
from typing import Any

from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from incoming import DOUBT, MORE, READ_BYTES, Connection, find_excess


class BufferingWorker(ThreadWorker):  # type: ignore[misc]
    """Threads that answer, and a main loop that gathers what they are asked.

    A connection that no thread has is in ``keepalived_conns``, or, with a part of a request or
    closing, in ``pending_conns``. gunicorn drops the first of either once its ``timeout`` is past.

    Attributes:
        request_seconds: allowed from the first byte of a request to its last.
        takeover_seconds: for which a worker that is to stop goes on as before.
        max_held_bytes: allowed for all requests that are not answered yet.
    """

    request_seconds = 5.0
    takeover_seconds = 1.5
    max_held_bytes = 256 * 1024 * 1024
    given_bytes = 0
    stop_at = inf

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop a little later: after HUP, those who take over are still starting."""
        self.stop_at = min(self.stop_at, monotonic() + self.takeover_seconds)
        self.method_queue.defer(lambda: None)

    def accept(self, listener: socket) -> None:
        """Take one new connection."""
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno in (EMFILE, ENFILE):
                self.make_room()
            return
        self.nr_conns += 1
        self.await_request(Connection(self.cfg, sock, client, listener.getsockname()))

    def make_room(self) -> None:
        """Have the slowest connection dropped at the end of this round."""
        if queue := self.pending_conns or self.keepalived_conns:
            queue[0].timeout = 0

    def murder_keepalived(self, force: bool = False) -> None:
        """Drop idle connections whose time is up; gunicorn calls this in each round."""
        if self.stop_at <= monotonic():
            self.alive = False
        if self.nr_conns >= self.worker_connections:
            self.make_room()
        super().murder_keepalived(force)

    def await_request(self, conn: Connection) -> None:
        """Wait for a request; begin with what is there already."""
        if conn.received:
            self.proceed(conn, conn.find_end())
        else:
            idle = max(self.cfg.keepalive, self.request_seconds)
            idle = idle if self.alive else STOP_KEEPALIVE_LINGER
            self.wait(conn, self.keepalived_conns, idle)

    def wait(self, conn: Connection, queue: deque[Connection], seconds: float) -> None:
        """Wait until there is something to read."""
        conn.timeout = monotonic() + seconds
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_readable, conn, queue))
        queue.append(conn)

    def on_readable(self, conn: Connection, queue: deque[Connection], sock: socket) -> None:
        """Take what has arrived; a request that breaks off is handed over as it is."""
        end = conn.find_end() if conn.receive() else DOUBT
        if end == MORE and (queue is self.pending_conns or not conn.received):
            conn.invite()
            self.bound_memory(conn)
            return
        self.poller.unregister(sock)
        queue.remove(conn)
        self.proceed(conn, end) if conn.received else self.part(conn)

    def proceed(self, conn: Connection, end: int) -> None:
        """Hand the request over if it is whole; else wait for the rest, though not for long."""
        if end == MORE:
            conn.invite()
            self.wait(conn, self.pending_conns, self.request_seconds)
        elif conn.has_room():
            conn.give(end)
            self.given_bytes += conn.given_bytes
            self.enqueue_req(conn)
        else:
            self.part(conn)

    def bound_memory(self, conn: Connection) -> None:
        """Have the largest request dropped if all together are too large."""
        most = self.max_held_bytes - self.given_bytes
        if len(conn.received) > READ_BYTES and (largest := find_excess(self.pending_conns, most)):
            self.pending_conns.remove(largest)
            self.pending_conns.appendleft(largest)
            largest.timeout = 0

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """Answer, in a thread; a client that takes no answer counts as gone."""
        try:
            return super().handle_request(req, conn)
        except BlockingIOError as error:
            raise StopIteration("the client takes no answer") from error

    def finish_request(self, conn: Connection, fs: Future[bool]) -> None:
        """Go on after a thread."""
        self.conclude(conn, keep_open=not fs.exception() and fs.result())

    def conclude(self, conn: Connection, *, keep_open: bool) -> None:
        """Wait for the next request, or part."""
        self.given_bytes -= conn.given_bytes
        # What is left unread would mean that the parser saw another end of the request.
        if keep_open and not conn.is_last and not conn.parser.unreader.read():
            self.await_request(conn)
        else:
            self.linger(conn)

    def linger(self, conn: Connection) -> None:
        """Close once the client has read the answer, which a reset would take from it."""
        conn.received.clear()
        conn.is_last = True
        try:
            conn.sock.shutdown(SHUT_WR)
            self.wait(conn, self.pending_conns, STOP_KEEPALIVE_LINGER)
        except (OSError, ValueError):  # closed already
            self.part(conn)

    def part(self, conn: Connection) -> None:
        """Close a connection that nothing waits for."""
        self.nr_conns -= 1
        conn.close()
