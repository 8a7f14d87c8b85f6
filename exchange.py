"""One request and its answer, in two steps: others can be begun between them."""

from collections.abc import Iterable
from datetime import datetime
from math import inf
from socket import MSG_DONTWAIT
from typing import Any

from gunicorn.http import wsgi

from incoming import Connection


class Outbox(bytearray):
    """Takes the place of a socket, so that an answer leaves in one piece."""

    def sendall(self, data: bytes) -> None:
        """Add to what will be sent."""
        self.extend(data)

    send = sendall


class Exchange:
    """What gunicorn's ``handle_request`` does at once.

    Attributes:
        conn: the connection; all of its request is there.
        patience_seconds: how long the app may wait for something before it answers.
    """

    def __init__(self, worker: Any, conn: Connection) -> None:
        self.worker = worker
        self.conn = conn
        self.outbox = Outbox()
        self.began = datetime.now()  # noqa: DTZ005 (gunicorn's log takes the difference only)
        self.request: Any = None
        self.response: Any = None
        self.environ: dict[str, Any] = {}
        self.answer: Iterable[bytes] = ()
        self.failed = False

    @property
    def patience_seconds(self) -> float:
        """Ask the answer; most know nothing of it."""
        return getattr(self.answer, "patience_seconds", inf)

    def begin(self) -> None:
        """Read the request, and call the app."""
        worker, conn = self.worker, self.conn
        try:
            self.request = next(conn.parser)
            worker.cfg.pre_request(worker, self.request)
            self.response, self.environ = wsgi.create(
                self.request, self.outbox, conn.client, conn.server, worker.cfg
            )
            self.environ["wsgi.multithread"] = True
            if not worker.may_keep_open():
                self.response.force_close()
            self.answer = worker.wsgi(self.environ, self.response.start_response)
        except Exception as error:
            self.fail(error)

    def end(self) -> bool:
        """Send the answer; tell whether another request may follow."""
        try:
            if not self.failed:
                self.write()
                sent = self.conn.sock.send(self.outbox, MSG_DONTWAIT)
                goes_on = sent == len(self.outbox) and not self.response.should_close()
                # Reads what the app left of the body, as after a request with a thread to itself.
                return bool(self.worker._keepalive_after(self.conn, goes_on))
        except OSError:
            self.worker.log.debug("the client is gone or takes no answer")
        except Exception as error:
            self.fail(error)
        finally:
            self.call_hook()
        return False

    def call_hook(self) -> None:
        """Call what the settings want called after a request; its faults are not ours."""
        try:
            self.worker.cfg.post_request(self.worker, self.request, self.environ, self.response)
        except Exception:
            self.worker.log.exception("Exception in post_request hook")

    def write(self) -> None:
        """Wait for the answer, and put it into the outbox."""
        try:
            for part in self.answer:
                self.response.write(part)
            self.response.close()
        finally:
            if hasattr(self.answer, "close"):
                self.answer.close()
        took = datetime.now() - self.began  # noqa: DTZ005
        self.worker.log.access(self.response, self.request, self.environ, took)

    def fail(self, error: Exception) -> None:
        """Answer with what gunicorn says of a fault."""
        self.failed = True
        self.worker.handle_error(self.request, self.conn.sock, self.conn.client, error)
