"""Print where to go once a server is ready; a key itself does not belong in the log."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from config import ReaderSettings, Scope
from config.declared import DATABASE_URL
from config.release import VERSION
from serving.logs import is_json

EVERY_ADDRESS = {"//0.0.0.0:": "//127.0.0.1:", "//[::]:": "//[::1]:"}  # and one that reaches it


def show_receiver(server: Any) -> None:
    """Print where callbacks go.

    Args:
        server: of gunicorn; its addresses may come from its command line, or from systemd.
    """
    addresses = list_addresses(server)
    show(
        f"Callbacks are received on {', '.join(addresses)} by release {VERSION}",
        "  webhook URL  https://YOUR.PUBLIC.HOST/callback, forwarded to "
        f"{from_here(addresses[0])}/callback",
    )


def show_reader(server: Any, settings: ReaderSettings) -> None:
    """Print where and how to read the history."""
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
    """Yield lines about access to the history."""
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
    """Return an address that reaches a server from this machine."""
    for every, one in EVERY_ADDRESS.items():
        address = address.replace(every, one)
    return address


def show(*lines: str) -> None:
    """Print lines at once, also into a pipe, but not where a program reads the log.

    A full disk does not stop a server.
    """
    if not is_json() and sys.stdout is not None:
        # Through a separate writer: what fails is not retried when each process exits.
        with (
            suppress(OSError),
            open(sys.stdout.fileno(), "w", encoding="utf-8", closefd=False) as output,
        ):
            print(*lines, sep="\n", file=output)
