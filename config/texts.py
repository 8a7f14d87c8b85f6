"""Parse the texts of settings, and show them without secrets."""

import logging
import re
from collections import Counter
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING

from config.setting import unquoted

if TYPE_CHECKING:
    from sqlalchemy import URL

Network = IPv4Network | IPv6Network

DATABASE_DRIVERS = ("sqlite", "postgresql+psycopg", "mysql+pymysql")
# Every request through a proxy has some of these: its sender would be a user, or its key a name.
NAMELESS_HEADERS = {
    *("authorization", "cookie", "forwarded", "host", "x-real-ip", "x-request-id"),
    *(f"x-forwarded-{name}" for name in ("for", "host", "port", "prefix", "proto", "uri")),
}
MOST_TOKENS = 2  # of an app: the old one and the new one, during a rotation

log = logging.getLogger("config")


def to_secret(text: str) -> str:
    """Parse a token or key: a text that the other end can send, and that is not a placeholder.

    Raises:
        ValueError: it is not visible ASCII, is quoted, or contains a variable.
    """
    if not re.fullmatch("[!-~]+", unquoted(text)) or "${" in text:
        raise ValueError(text)
    return text


def to_sdk_apps(text: str) -> Mapping[str, tuple[str, ...]]:
    """Parse ``id[:token[:token]],…``; refuse an empty token, as it would disable the check.

    A third token is one that should have been removed after a rotation.

    Raises:
        ValueError: an ID is malformed or repeated, or a token is malformed or one too many.
    """
    apps: dict[str, tuple[str, ...]] = {}
    for item in text.split(","):
        sdk_app_id, *tokens = map(str.strip, item.split(":"))
        is_id = re.fullmatch("[1-9][0-9]{0,19}", sdk_app_id)
        if not is_id or sdk_app_id in apps or len(tokens) > MOST_TOKENS:
            raise ValueError(item)
        apps[sdk_app_id] = tuple(map(to_secret, tokens))
    for token, times in Counter(one for tokens in apps.values() for one in {*tokens}).items():
        if times > 1:
            sharing = " and ".join(app for app, tokens in apps.items() if token in tokens)
            log.warning("SDK_APPS: %s share a token: a signature for one is valid for all", sharing)
    return apps


def show_sdk_apps(text: str) -> str:
    """Show only the SDKAppID of each item; what follows may be a token."""
    return re.sub("[^,0-9][^,]*", "…", text)


def to_database_url(text: str) -> "URL":
    """Parse the URL of a database that several processes can share.

    Raises:
        ValueError: it is malformed, or leads to no such database.
    """
    # Imported here, as the receiver has no database and starts faster without SQLAlchemy.
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except ArgumentError as error:
        raise ValueError(text) from error
    if url.drivername not in DATABASE_DRIVERS or url.database in (None, "", ":memory:"):
        raise ValueError(text)
    if url.drivername == "sqlite" and (url.host or "uri" in url.query):
        raise ValueError(text)
    return url


def show_database_url(text: str) -> str:
    """Show neither user nor options, as either may hold a password."""
    return re.sub(r"\?.*", "?…", re.sub("(:/*).*@", r"\1…@", text))


def to_folders(text: str) -> tuple[Path, ...]:
    """Parse ``FOLDER[:FOLDER…]``; refuse a folder that is named twice.

    Raises:
        ValueError: there is one, or a name is empty.
    """
    names = [name.strip() for name in text.split(":")]
    folders = tuple(map(Path, names))
    if "" in names or len({*map(realpath, folders)}) < len(folders):
        raise ValueError(text)
    return folders


def to_host(text: str) -> str:
    """Parse an address to listen on; put an IPv6 address in brackets, for a port to follow.

    Raises:
        ValueError: it is not an IP address.
    """
    address = ip_address(text.strip("[]"))
    return f"[{address}]" if address.version == 6 else str(address)


def to_header(text: str) -> str:
    """Parse the name of a header that can name a user.

    No server reads a header with an underscore.

    Raises:
        ValueError: it is malformed, or a header that requests have without a user.
    """
    if not re.fullmatch("[A-Za-z0-9-]+", text) or text.lower() in NAMELESS_HEADERS:
        raise ValueError(text)
    return text


def to_networks(text: str) -> tuple[Network, ...]:
    """Parse ``NETWORK[,NETWORK…]``; a single address is a network of one.

    Raises:
        ValueError: one of them is not a network.
    """
    return tuple(ip_network(item.strip()) for item in text.split(","))
