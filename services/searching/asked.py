"""Interpret what was typed or pasted into the search."""

import re
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import unquote
from uuid import UUID

from models.text import FOLDED_LENGTH, fold
from models.vocabulary import Findable

AROUND = " \t\r\n\"'`“”\u2018\u2019„«»「」"
ADDRESS = re.compile(
    r"https?://\S*/(channels|groups|users|deliveries)/([^?]+?)(/versions)?"
    r"(#(main|members|event-\d+))?(\?.*)?"  # any other # belongs to an unencoded ID
)
FIELD = re.compile(r"""\w*(?:Id|ID|_Account)["']?\s*[=:]\s*(.+)""", re.DOTALL)
ENCODED = re.compile("%[0-9A-Fa-f]{2}")
DELIVERY = re.compile(r"(?:(?:delivery|deliveries|回调)[\s:-]*)?#?\s*([0-9]{1,18})", re.IGNORECASE)
KINDS = {
    "channels": Findable.CHANNEL,
    "groups": Findable.GROUP,
    "users": Findable.USER,
    "deliveries": Findable.DELIVERY,
}


@dataclass(frozen=True)
class Asked:
    """What is searched for.

    Attributes:
        text: without anything that was copied along by accident.
        kind: the kind of what a pasted address leads to.
    """

    text: str
    kind: Findable | None = None

    @property
    def folded(self) -> str:
        """The text that labels are compared with."""
        return fold(self.text)

    @property
    def has_parts(self) -> bool:
        """Whether labels are found that contain it, not only those that begin with it."""
        return len(self.folded) > 1 or not (self.folded.isascii() and self.folded.isalnum())

    @property
    def delivery(self) -> int | UUID | None:
        """The number or UUID of a delivery; none if it is neither."""
        if match := DELIVERY.fullmatch(self.text):
            return int(match[1])
        with suppress(ValueError):
            return UUID(self.text)
        return None

    @property
    def limit(self) -> str | None:
        """Why only some labels are found, or none; none if nothing limits the search."""
        if len(self.folded) > FOLDED_LENGTH:
            return "too_long"
        if not self.has_parts:
            return "one_character"
        with suppress(ValueError):
            ip_address(self.text)
            return "ip_address"
        return None


def understand(text: str) -> Asked:
    """Extract what is searched for from a text: an ID from an address, a value from its field."""
    text = text.strip(AROUND)
    if match := ADDRESS.fullmatch(text):
        return Asked(unquote(match[2]), KINDS[match[1]])
    if match := FIELD.fullmatch(text):
        text = match[1]
    if ENCODED.search(text) and "\N{REPLACEMENT CHARACTER}" not in unquote(text):
        text = unquote(text)
    return Asked(text.strip(AROUND))
