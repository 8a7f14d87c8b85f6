"""Nearly correct requests, made from real ones; the same number makes the same request."""

import json
from random import Random
from typing import NamedTuple
from urllib.parse import urlencode

from tests.captures import CAPTURES
from tests.conftest import APP, OPEN_APP
from tests.payloads import SAMPLES

BODIES = [one.body for one in CAPTURES] + [json.dumps(one).encode() for one in SAMPLES]
VALUES = [None, True, 0, -1, 2**63, 10**30, 1e308, "", "\0", "\ud800", "😀" * 300, [], {}, [[{}]]]
PATHS = ["/callback", "/", "", "//callback/", "/healthz", "/readyz", "/callback/x", "/%", "/\xff\0"]
METHODS = ["POST"] * 20 + ["GET", "PUT", "HEAD", "OPTIONS", "DELETE", "FOO"]
PIECES = [b"\0", b"\xff", b"\r\n", b"\r\n\r\n", b"{", b"[" * 100, b'"', b"\\ud800", b"CLL2", b"%"]
PIECES += [
    b"chunked",
    b"ffffffffffffffff\r\n",
    b"0\r\n\r\n",
    b"Content-Length: 9\r\n",
    b"#",
    b"&&=",
]


class Request(NamedTuple):
    """One request, in parts."""

    method: str
    path: str
    query: str
    body: bytes


def make_request(random: Random) -> Request:
    """A request with some faults, or none."""
    body = random.choice(BODIES)
    if random.random() < 0.5:
        body = change_json(random, body)
    if random.random() < 0.5:
        body = change_bytes(random, body)
    query = {
        "SdkAppid": random.choice([OPEN_APP] * 8 + [APP, "1", ""]),
        "CallbackCommand": random.choice(SAMPLES)["CallbackCommand"],
        "ClientIP": "127.0.0.1",
    }
    for name in list(query):
        if random.random() < 0.1:
            del query[name]
    text = urlencode(query)
    if random.random() < 0.3:
        text = change_bytes(random, text.encode()).decode("latin-1")
    return Request(random.choice(METHODS), random.choice(PATHS[:1] * 20 + PATHS), text, body)


def change_json(random: Random, body: bytes) -> bytes:
    """Change some members at any depth; the result is still JSON."""
    try:
        root = node = json.loads(body)
    except ValueError:
        return body
    while isinstance(node, dict | list) and node:
        key = random.choice([*node] if isinstance(node, dict) else [*range(len(node))])
        if random.random() < 0.5:
            node[key] = random.choice(VALUES)
            break
        node = node[key]
    return json.dumps(root, ensure_ascii=random.random() < 0.5).encode(errors="surrogatepass")


def change_bytes(random: Random, data: bytes) -> bytes:
    """Change, add, repeat and remove some bytes."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 5))):
        start = random.randrange(len(changed) + 1)
        end = min(start + random.choice((0, 1, 1, 4, 40)), len(changed))
        new = random.choice((b"", random.choice(PIECES), random.randbytes(3), changed[start:] * 2))
        changed[start:end] = new
    return bytes(changed)
