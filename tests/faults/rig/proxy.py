"""A proxy in front of a database server that can cut a connection around its COMMIT."""

import asyncio
import random
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa

from tests.faults.rig.background import run_on

SHARE_CUT = 0.2
POSTGRESQL_COMMIT = re.compile(rb"[QP](?:[^\0]*\0)?\s*COMMIT\b", re.IGNORECASE)
MYSQL_COMMIT = re.compile(rb"\x03\s*COMMIT\b", re.IGNORECASE)


async def read_postgresql_message(reader, *, first: bool) -> tuple[bytes, bool]:
    """Read one message of a client, and tell whether it is a COMMIT; the first has no type."""
    kind = b"" if first else await reader.readexactly(1)
    length = await reader.readexactly(4)
    rest = await reader.readexactly(int.from_bytes(length, "big") - 4)
    return kind + length + rest, bool(POSTGRESQL_COMMIT.match(kind + rest))


async def read_mysql_message(reader, *, first: bool) -> tuple[bytes, bool]:
    """Read one packet of a client, and tell whether it is a COMMIT."""
    head = await reader.readexactly(4)
    rest = await reader.readexactly(int.from_bytes(head[:3], "little"))
    return head + rest, bool(MYSQL_COMMIT.match(rest))


# By engine: how to read a message, the server's socket, and the option that disables encryption.
PROTOCOLS = {
    "postgresql": (
        read_postgresql_message,
        lambda url: f"{url.query['host']}/.s.PGSQL.5432",
        {"sslmode": "disable", "gssencmode": "disable"},
    ),
    "mysql": (read_mysql_message, lambda url: url.query["unix_socket"], {}),
}


class CommitProxy:
    """Passes everything on, but cuts connections at some of their COMMITs.

    Half of the cuts come before the server has seen the COMMIT, half after it has answered, but
    before the client knows.

    It can also let a COMMIT wait for ever, before or after the server has seen it.

    Attributes:
        url: that of the database, by way of this proxy.
        share: the share of COMMITs to cut at present.
        cuts: how many were cut.
        stall: ``before`` or ``after`` while each COMMIT is to wait.
        stalled: set once one waits.
    """

    def __init__(self, loop, url: sa.URL) -> None:
        self.read_message, socket_path, query = PROTOCOLS[url.get_backend_name()]
        self.socket_path = socket_path(url)
        self.share = 0.0
        self.cuts = {"before": 0, "after": 0}
        self.stall: str | None = None
        self.stalled = threading.Event()
        self.loop = loop
        self.server = run_on(loop, asyncio.start_server(self.connect, "127.0.0.1", 0))
        port = self.server.sockets[0].getsockname()[1]
        self.url = url.set(host="127.0.0.1", port=port, query=query)

    def close(self) -> None:
        """Stop accepting connections."""
        self.loop.call_soon_threadsafe(self.server.close)

    @contextmanager
    def cutting(self) -> Iterator[None]:
        """Cut for a while."""
        self.share = SHARE_CUT
        yield
        self.share = 0.0

    @contextmanager
    def stalling(self, when: str) -> Iterator[threading.Event]:
        """Let each COMMIT wait meanwhile; yield an event that is set once one does."""
        self.stalled.clear()
        self.stall = when
        yield self.stalled
        self.stall = None

    async def connect(self, client, to_client) -> None:
        """Serve one client until either side closes or both are cut off."""
        with suppress(OSError, EOFError):
            server, to_server = await asyncio.open_unix_connection(self.socket_path)
            silenced = asyncio.Event()
            answers = asyncio.create_task(self.pass_answers(server, to_client, silenced))
            try:
                await self.pass_requests(client, to_server, silenced)
            finally:
                answers.cancel()
                to_server.transport.abort()
        to_client.transport.abort()

    async def pass_requests(self, client, to_server, silenced: asyncio.Event) -> None:
        first = True
        while True:
            message, is_commit = await self.read_message(client, first=first)
            first = False
            if is_commit and random.random() < self.share:
                when = random.choice(["before", "after"])
                self.cuts[when] += 1
                if when == "before":
                    return
                silenced.set()
            stall = self.stall if is_commit else None
            if stall == "before":
                await self.wait_for_end(client)
                return
            if stall == "after":
                silenced.set()
            to_server.write(message)
            await to_server.drain()
            if stall == "after":
                await self.wait_for_end(client)

    async def wait_for_end(self, client) -> None:
        """Wait until the client is gone, or gives up."""
        self.stalled.set()
        await client.read()

    async def pass_answers(self, server, to_client, silenced: asyncio.Event) -> None:
        with suppress(OSError):
            while (answer := await server.read(65536)) and not silenced.is_set():
                to_client.write(answer)
                await to_client.drain()
            if self.stall and silenced.is_set():
                await asyncio.Event().wait()
        to_client.transport.abort()
