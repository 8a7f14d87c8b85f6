"""What was sent, in a form that people can read, and send again."""

import json
import shlex
from base64 import b64encode
from collections.abc import Mapping
from string import punctuation
from typing import Any
from urllib.parse import parse_qsl, quote

from blueprints.console.untrusted import MOST_OF_A_BODY
from schemas.strict_json import UnreadableError, parse_json

PRINTABLE = frozenset(range(0x20, 0x7F))
MOST_LAID_OUT = 512 * 1024  # bytes of JSON
LONGEST_ARGUMENT = 100 * 1024  # bytes; Linux allows for 128 KiB


def describe(row: Mapping[str, Any]) -> dict[str, Any]:
    """Read the query string and the body of a delivery or of a refused request."""
    body: bytes = row["body"]
    return {
        "query": parse_qsl(row["query_string"], keep_blank_values=True),
        "pretty": lay_out(body),
        "text": body.decode(errors="backslashreplace"),
        "most": MOST_OF_A_BODY,
    }


def lay_out(body: bytes) -> str | None:
    """Lay out a body that is JSON; none if it is not, or too long to be read by people."""
    if len(body) > MOST_LAID_OUT:
        return None
    try:
        return json.dumps(parse_json(body), ensure_ascii=False, indent=2)
    except UnreadableError:
        return None


def write_curl(delivery: Mapping[str, Any]) -> str:
    """Write the command that sends a delivery again, its bytes and its signature as they were.

    It goes where ``CALLBACK_URL`` says, as it may make an event of what was none. What a terminal
    would obey or curl would take for the name of a file goes through base64; what is too long for a
    command comes from the file that the page offers.
    """
    query = quote(
        delivery["query_string"].encode("latin-1", "replace"), safe=punctuation.replace("#", "")
    )
    curl = f'curl -g "$CALLBACK_URL"{shlex.quote(f"?{query}")} --data-binary'
    body: bytes = delivery["body"]
    if len(body) > LONGEST_ARGUMENT:
        return f"{curl} @delivery-{delivery['id']}"
    if PRINTABLE.issuperset(body) and not body.startswith(b"@"):
        return f"{curl} {shlex.quote(body.decode())}"
    return f"echo {b64encode(body).decode()} | base64 -d | {curl} @-"
