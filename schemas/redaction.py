"""Redaction: with ``Sign`` and its time, anyone could sign any body, so it is never shown."""

import re
from urllib.parse import unquote_plus

REDACTED = "REDACTED"
DIGEST = re.compile("[0-9A-Fa-f]{64,}")  # a Sign, even if a proxy changed its name


def redact(query_string: str) -> str:
    """Remove the value of ``Sign`` from a query string, and leave the rest as it was sent."""
    parts = query_string.split("&")
    for place, part in enumerate(parts):
        name, equals, _ = part.partition("=")
        if unquote_plus(name).strip().lower() == "sign":
            parts[place] = f"{name}{equals}{REDACTED}"
    return DIGEST.sub(REDACTED, "&".join(parts))
