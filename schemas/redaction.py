"""What of a request is shown to nobody: with ``Sign`` and its time, anybody can sign any body."""

import re
from urllib.parse import unquote_plus

REDACTED = "REDACTED"
DIGEST = re.compile("[0-9A-Fa-f]{64,}")  # what a Sign looks like, whatever a proxy made of its name


def redact(query_string: str) -> str:
    """Take the value of ``Sign`` out of a query string, and leave all else as it was sent."""
    parts = query_string.split("&")
    for place, part in enumerate(parts):
        name, equals, _ = part.partition("=")
        if unquote_plus(name).strip().lower() == "sign":
            parts[place] = f"{name}{equals}{REDACTED}"
    return DIGEST.sub(REDACTED, "&".join(parts))
