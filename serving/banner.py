"""Say where to go, once a server can be gone to; the log is no place for a key itself."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from config import ReaderSettings, Scope
from config.declared import DATABASE_URL
from config.release import VERSION
from serving.logs import is_json

EVERY_ADDRESS = {"//0.0.0.0:": "//127.0.0.1:", "//[::]:": "//[::1]:"}  # and one that leads there


def show_receiver(server: Any) -> None:
    """Say where callbacks go.

    Args:
        server: of gunicorn; what it listens on may come from its command line, or from systemd.
    """
    addresses = list_addresses(server)
    show(
        f"Callbacks are received on {', '.join(addresses)} by release {VERSION}",
        "  webhook URL  https://YOUR.PUBLIC.HOST/callback, forwarded to "
        f"{from_here(addresses[0])}/callback",
    )


def show_reader(server: Any, settings: ReaderSettings) -> None:
    """Say where history is read, and how."""
    addresses, database = list_addresses(server), settings.database_read_url
    address = from_here(addresses[0])
    show(
        f"History is served on {', '.join(addresses)} by release {VERSION}",
        f"  console      {address}/console/",
        *tell_access(settings, address),
        f"  database     {DATABASE_URL.show(database.render_as_string())}",
        f"  API          {address}/docs",
    )


def tell_access(settings: ReaderSettings, address: str) -> Iterator[str]:
    """Yield lines about what opens the history."""
    holders = dict.fromkeys(one.name for one in settings.api_keys if Scope.READ in one.scopes)
    if holders:
        yield f'  history      curl -H "Authorization: Bearer YOUR_API_KEY" {address}/history'
        yield f"  keys         of {', '.join(holders)}, in API_KEYS"
    if settings.sign_in_header:
        yield f"  users        as a trusted proxy names them in {settings.sign_in_header}"
    if not holders and not settings.sign_in_header:
        yield "  history      no read access yet: set API_KEYS"


def list_addresses(server: Any) -> list[str]:
    """List what a server listens on; with ``reuse_port``, only its workers do."""
    return [*map(str, server.LISTENERS)] or [f"http://{one}" for one in server.cfg.bind]


def from_here(address: str) -> str:
    """Return an address that leads to a server from this machine."""
    for every, one in EVERY_ADDRESS.items():
        address = address.replace(every, one)
    return address


def show(*lines: str) -> None:
    """Print lines at once, also into a pipe; not where a program reads the log.

    A disk that is full keeps no server from its work.
    """
    if not is_json() and sys.stdout is not None:
        # Over a writer of its own: what it does not take is not tried again as each process ends.
        with (
            suppress(OSError),
            open(sys.stdout.fileno(), "w", encoding="utf-8", closefd=False) as output,
        ):
            print(*lines, sep="\n", file=output)
