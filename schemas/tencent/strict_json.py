"""JSON as RFC 8259 defines it, read more strictly than Python does."""

import codecs
import json
from collections import Counter
from typing import Any, NoReturn

MAX_DEPTH = 64  # documented bodies have 4 levels
GZIP_MAGIC = b"\x1f\x8b"


class UnreadableError(ValueError):
    """The bytes are not JSON, or contain something that cannot be kept as data."""


def parse_json(raw: bytes) -> Any:
    """Parse UTF-8 JSON, whatever ``Content-Type`` says; skip a byte order mark before it.

    Python's own parser also takes NaN, turns 1e400 into infinity, and lets the last of two equal
    keys win. Those are refused, as are values it cannot finish; their bytes are kept anyway.

    Raises:
        UnreadableError: with a reason, which the delivery shows.
    """
    raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        value = DECODER.decode(raw.decode())
    except UnicodeDecodeError as error:
        if raw.startswith(GZIP_MAGIC):
            raise UnreadableError("Compressed with gzip; Tencent sends plain JSON.") from None
        raise UnreadableError(f"Not UTF-8: byte {error.start}.") from None
    except json.JSONDecodeError as error:
        reason = error.msg.removesuffix(" at")
        raise UnreadableError(f"Not JSON: {reason} at character {error.pos}.") from None
    except UnreadableError:
        raise
    except RecursionError:
        raise UnreadableError(f"Nested more than {MAX_DEPTH} levels deep.") from None
    except ValueError:
        raise UnreadableError("A number has too many digits.") from None
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and not is_shallow(value):
        raise UnreadableError(f"Nested more than {MAX_DEPTH} levels deep.")
    return value


def to_unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object with a repeated key, as it is unknown which value is meant."""
    unique = dict(pairs)
    if len(unique) < len(pairs):
        ((key, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise UnreadableError(f"Key {key[:40]!r} appears twice.")
    return unique


def refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and the infinities, which JSON does not have."""
    raise UnreadableError(f"Not JSON: {name}.")


def to_finite(digits: str) -> float:
    """Refuse a number that would become infinite."""
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise UnreadableError(f"Number out of range: {digits[:40]}.")
    return number


def is_shallow(value: Any) -> bool:
    """Tell whether later code can walk a value recursively."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return True
    return False


DECODER = json.JSONDecoder(
    object_pairs_hook=to_unique_keys, parse_constant=refuse_constant, parse_float=to_finite
)
