"""The sender of a request, and the address it was sent to, when proxies are in between."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from models.text import fits_id_column

LOCAL = "127.0.0.1"  # stands for a Unix socket, which has no address
HEADERS = (
    "FORWARDED",
    "X_REQUEST_ID",
    *(f"X_FORWARDED_{name}" for name in ("FOR", "PROTO", "HOST", "PREFIX")),
)
# In the environment of a request.
REQUEST_ID = "proxies.request_id"
SIGNED_IN = "proxies.signed_in"
# Each character is examined once, whatever a client writes.
PAIR = re.compile(r'(?<!\w)(\w+)=("[^"]*"|[^\s;,="]*+)\s*+([;,]|$)')
ADDRESS = re.compile(r"\[([^]%]+)\](:\d+)?|([\d.]+)(:\d+)?|([^%]+)")
REQUEST_ID_TEXT = re.compile(r"[\w.:/+=@-]{1,128}", re.ASCII)
PREFIX = re.compile(r"(/[\w.~-]+)+", re.ASCII)

Hop = dict[str, str]  # the words of one proxy: ``for``, ``proto`` and ``host``


class TrustedProxies:
    """WSGI middleware that believes the headers of trusted proxies only.

    Their values replace those of the connection: the sender in ``REMOTE_ADDR``, the scheme in
    ``wsgi.url_scheme``, the prefix in ``SCRIPT_NAME``. The ID of the request is in ``REQUEST_ID``,
    the user that a proxy has signed in is in ``SIGNED_IN``. The headers themselves are removed.
    Unless a header for the user is named, nobody is signed in.
    """

    def __init__(
        self,
        app: Any,
        trusted: Collection[IPv4Network | IPv6Network],
        sign_in_header: str = "",
    ) -> None:
        self.app = app
        self.trusted = trusted
        self.sign_in_header = sign_in_header.upper().replace("-", "_")

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        said = {name: environ.pop(f"HTTP_{name}", "") for name in (*HEADERS, self.sign_in_header)}
        peer = environ.setdefault("REMOTE_ADDR", "")
        if self.trusts(peer):
            self.believe(environ, peer, said)
        answer: Iterable[bytes] = self.app(environ, start_response)
        return answer

    def trusts(self, peer: str) -> bool:
        """Tell whether an address is that of a trusted proxy."""
        address = ip_address(read_address(peer or LOCAL) or "::")
        return any(address in network for network in self.trusted)

    def believe(self, environ: dict[str, Any], peer: str, said: Mapping[str, str]) -> None:
        """Replace the values of the connection by those of a proxy."""
        by_list = [{"for": one} for one in said["X_FORWARDED_FOR"].split(",") if one.strip()]
        chains = [chain for chain in (by_list, read_forwarded(said["FORWARDED"])) if chain]
        found = [self.find_sender(peer, chain) for chain in chains]
        # If they disagree, the client wrote one of them.
        agree = len({sender for sender, _ in found}) == 1
        environ["REMOTE_ADDR"], hop = found[-1] if agree else (peer, {})
        scheme = last_of(said["X_FORWARDED_PROTO"]) or hop.get("proto", "")
        if scheme.lower() in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme.lower()
        if host := last_of(said["X_FORWARDED_HOST"]) or hop.get("host", ""):
            environ["HTTP_HOST"] = host
        if REQUEST_ID_TEXT.fullmatch(said["X_REQUEST_ID"]):
            environ[REQUEST_ID] = said["X_REQUEST_ID"]
        if user := read_user(said[self.sign_in_header]):
            environ[SIGNED_IN] = user
        prefix = last_of(said["X_FORWARDED_PREFIX"]).rstrip("/")
        if PREFIX.fullmatch(prefix):
            environ["SCRIPT_NAME"] = prefix
            for name in ("PATH_INFO", "RAW_URI"):  # unless the proxy has removed it
                if f"{environ.get(name, '')}/".startswith(f"{prefix}/"):
                    environ[name] = environ[name].removeprefix(prefix)

    def find_sender(self, peer: str, chain: Sequence[Hop]) -> tuple[str, Hop]:
        """Follow a chain from its end as long as each writer is trusted."""
        sender, hop = peer, Hop()
        for one in reversed(chain):
            address = read_address(one.get("for", ""))
            if address is None or not self.trusts(sender):
                break
            sender, hop = address, one
        return sender, hop


def read_forwarded(header: str) -> list[Hop]:
    """Read ``Forwarded`` (RFC 7239): the words of each proxy, the nearest one last."""
    chain: list[Hop] = [{}] if header else []
    for name, value, end in PAIR.findall(header):
        chain[-1][name.lower()] = value.strip('"')
        if end == ",":
            chain.append({})
    return chain


def read_address(text: str) -> str | None:
    """Read an address with or without a port; none for a word such as ``unknown``."""
    match = ADDRESS.fullmatch(text.strip())
    try:
        address = ip_address((match and (match[1] or match[3] or match[5])) or "")
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


def read_user(header: str) -> str | None:
    """Read the name of a user; none if there are several, as one may be from a client."""
    try:
        name = header.encode("latin-1").decode().strip()
    except UnicodeError:
        return None
    is_name = name.isprintable() and "," not in name and fits_id_column(name)
    return name if is_name else None


def last_of(header: str) -> str:
    """Return the last of several values: that of the nearest proxy."""
    return header.rpartition(",")[2].strip()
