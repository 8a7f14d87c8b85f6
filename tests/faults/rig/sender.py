"""Senders like Tencent: kept-alive connections, some seconds to answer, and no second try."""

import asyncio
import json
import random
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from urllib.parse import urlencode

from tests.conftest import APP, TOKEN, sign
from tests.faults.callbacks import Callback
from tests.faults.forms import by_form

# Tencent waits for two. Beside other tests, a busy machine answers later.
TIMEOUT_SECONDS = by_form(10, 2)
CONNECTIONS = 16
SLOW_BYTES_PER_SECOND = 2000  # of all slow clients together


@dataclass(frozen=True)
class Attempt:
    """One callback sent once, and what the sender saw of it.

    Attributes:
        sent_at: microseconds since 1970, from before the first byte, and before connecting.
        answered_at: when the whole answer was there, or the sender gave up.
        status: none without a whole answer.
        reply: what the answer says, or the failure.
    """

    callback: Callback
    sent_at: int
    answered_at: int
    status: int | None
    reply: dict | str

    @property
    def acknowledged(self) -> bool:
        return self.status == 200 and self.reply.get("ActionStatus") == "OK"

    @property
    def outcome(self) -> str:
        """Status and ErrorCode, or the failure; for an answer of another server, its text."""
        return f"{self.status} {self.reply['ErrorCode']}" if self.status else self.reply

    @property
    def seconds(self) -> float:
        return (self.answered_at - self.sent_at) / 1e6


def now_in_microseconds() -> int:
    return time.time_ns() // 1000


def write_request(callback: Callback) -> bytes:
    at = int(time.time())
    envelope = {
        "SdkAppid": APP,
        "CallbackCommand": callback.command,
        "contenttype": "json",
        "ClientIP": "127.0.0.1",
        "OptPlatform": "RESTAPI",
        "Sign": sign(TOKEN, at),
        "RequestTime": at,
    }
    head = (
        f"POST /callback?{urlencode(envelope)} HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(callback.body)}\r\n\r\n"
    )
    return head.encode() + callback.body


class Connection:
    """A connection that is opened when needed, kept alive, and given up after a failure."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.writer = None

    async def open(self):
        """Reconnect if the other side has closed, like any client that keeps connections alive."""
        if self.writer is None or self.reader.at_eof() or self.reader.exception():
            self.close()
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self.reader, self.writer

    async def exchange(self, request: bytes) -> tuple[int, dict]:
        reader, writer = await self.open()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
        body = await reader.readexactly(length)
        if re.search(rb"(?i)connection: *close", head):
            self.close()
        is_ours = body.startswith(b"{")
        reply = json.loads(body) if is_ours else {"ErrorCode": body[:80].decode("latin-1")}
        return int(head.split()[1]), reply

    def close(self) -> None:
        if self.writer:
            self.writer.transport.abort()
            self.writer = None


class Senders:
    """Several connections that take callbacks from one source, at a steady pace, until stopped."""

    def __init__(
        self,
        loop,
        port: int,
        callbacks: Iterable[Callback],
        *,
        connections: int = CONNECTIONS,
        per_second: float = inf,
    ) -> None:
        self.loop = loop
        self.port = port
        self.callbacks = iter(callbacks)
        self.seconds_between = connections / per_second
        self.connections = connections
        self.attempts: list[Attempt] = []
        self.stopping = False
        self.sending = asyncio.run_coroutine_threadsafe(self.send_all(), loop)

    async def send_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(self.connections):
                group.create_task(self.send(number / self.connections * self.seconds_between))

    async def send(self, first_wait: float) -> None:
        connection = Connection(self.port)
        await asyncio.sleep(first_wait)
        for callback in self.callbacks:
            if self.stopping:
                break
            due = self.loop.time() + self.seconds_between
            self.attempts.append(await self.attempt(connection, callback))
            await asyncio.sleep(due - self.loop.time())
        connection.close()

    async def attempt(self, connection: Connection, callback: Callback) -> Attempt:
        request, status = write_request(callback), None
        sent_at = now_in_microseconds()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                status, reply = await connection.exchange(request)
        except (OSError, EOFError, TimeoutError) as error:
            reply = repr(error)
            connection.close()
        return Attempt(callback, sent_at, now_in_microseconds(), status, reply)

    def stop(self) -> None:
        """Stop once every answer is there, or given up."""
        self.stopping = True
        self.finish()

    def finish(self) -> None:
        """Wait until the source is exhausted and the last answer is there."""
        self.sending.result()


async def trickle(port: int, at_once: bytes, slowly: bytes, *, pause: float) -> None:
    """Send the second part byte by byte, starting over when cut off, until cancelled."""
    await asyncio.sleep(random.random() * pause)
    while True:
        connection = Connection(port)
        try:
            _, writer = await connection.open()
            writer.write(at_once)
            for byte in slowly:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(pause)
        except OSError:
            await asyncio.sleep(pause)
        finally:
            connection.close()


@contextmanager
def slow_clients(loop, port: int, number: int) -> Iterator[None]:
    """Clients that never finish: half of them in the head, half in the body."""
    request = write_request(Callback("slow", "Group.Slow", b" " * 4000, None))
    head, end_of_head, body = request.partition(b"\r\n\r\n")
    parts = ((b"", head.replace(b"&", b"&" * 100)), (head + end_of_head, body))
    pause = number / SLOW_BYTES_PER_SECOND
    clients = [
        asyncio.run_coroutine_threadsafe(trickle(port, *parts[client % 2], pause=pause), loop)
        for client in range(number)
    ]
    yield
    for client in clients:
        client.cancel()
