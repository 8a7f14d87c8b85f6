"""Read the settings that grant read access."""

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum, unique
from hashlib import sha256
from hmac import compare_digest

from config.setting import QUOTATION_MARKS

MIN_KEY_LENGTH = 16  # characters
MOST_OF_A_NAME = 50  # characters
MOST_KEYS = 2  # of a holder: the old one and the new one, during a rotation
HASH = "sha256="


@unique
class Scope(StrEnum):
    """What a holder may read.

    ``read``: the history. ``raw``: the original requests. ``metrics``: the numbers for Prometheus.
    ``ops``: the health of the service, and the readings.
    """

    READ = "read"
    RAW = "raw"
    METRICS = "metrics"
    OPS = "ops"


Scopes = frozenset[Scope]
ALL_SCOPES: Scopes = frozenset(Scope)


@dataclass(frozen=True)
class ApiKey:
    """A key for read access, plain or as ``sha256=`` and its hash, with the name of its holder."""

    name: str
    key: str = field(repr=False)
    scopes: Scopes = ALL_SCOPES

    @property
    def is_hash(self) -> bool:
        """Tell whether only the hash of the key is known here."""
        return self.key.startswith(HASH)

    def matches(self, given: str) -> bool:
        """Tell whether a text is this key, in constant time."""
        own = self.key if self.is_hash else to_hash(self.key)
        return compare_digest(own, to_hash(given))


def to_hash(key: str) -> str:
    """Return the hash of a key, which may be given instead of it."""
    return HASH + sha256(key.encode()).hexdigest()


def to_api_keys(text: str) -> tuple[ApiKey, ...]:
    """Parse ``name[scope+scope]:key,…``.

    A key is visible ASCII, as an HTTP header carries nothing else. Quotation marks around it are
    left over from a file that was read without removing them.

    Raises:
        ValueError: one is malformed, or a name has too many keys, or keys of different scopes.
    """
    keys = [to_api_key(item.strip()) for item in text.split(",")]
    for name, times in Counter(one.name for one in keys).items():
        if times > MOST_KEYS or len({one.scopes for one in keys if one.name == name}) > 1:
            raise ValueError(name)
    return tuple(keys)


def to_api_key(item: str) -> ApiKey:
    """Parse one of them."""
    pattern = rf"([^:\[\]]{{1,{MOST_OF_A_NAME}}})(?:\[(.*?)\])?:([!-~]{{{MIN_KEY_LENGTH},}})"
    match = re.fullmatch(pattern, item)
    if match is None or {item[0], match[3][0], item[-1]} & {*QUOTATION_MARKS}:
        raise ValueError(item)
    name, scopes, key = match.groups()
    if key.startswith(HASH) and not re.fullmatch(f"{HASH}[0-9a-f]{{64}}", key):
        raise ValueError(item)
    return ApiKey(name, key, ALL_SCOPES if scopes is None else to_scopes(scopes))


def to_scopes(text: str) -> Scopes:
    """Parse ``scope+scope``.

    Raises:
        ValueError: one of them is not a scope.
    """
    return frozenset(Scope(one.strip()) for one in text.split("+"))


def show_api_keys(text: str) -> str:
    """Show only names and scopes; an item without a name may be a key."""
    return re.sub("[^,:]+(?=,|$)|:[^,]*", "…", text)
