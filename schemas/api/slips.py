"""What a client is likely to have meant, where it asks for what nothing is called."""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

IDS = ("subject_id", "member", "operator", "owner")
CUT = ("@TGS", "@TOA")  # all that is left of an ID where an address is cut at its #


def find_slip(text: str, *, in_path: bool = False) -> str | None:
    """Name the likely cause for which nothing has an ID; none if there is none."""
    if text in CUT:
        return "An address ends at #: write # as %23."
    if re.search("%[0-9A-Fa-f]{2}", text):
        return "It is encoded twice."
    if in_path and "+" in text:
        return "In a path, + is no blank: write a blank as %20."
    if not in_path and " " in text:
        return "In a query, + is a blank: write + as %2B."
    return None


def refuse_slip(filters: Mapping[str, Any]) -> None:
    """Refuse the filters that nothing passed, if the cause is likely a slip.

    Raises:
        ValidationError: it names the cause.
    """
    slips = {name: find_slip(filters[name]) for name in IDS if name in filters}
    if found := {name: [f"Nothing found. {slip}"] for name, slip in slips.items() if slip}:
        raise ValidationError(found)
