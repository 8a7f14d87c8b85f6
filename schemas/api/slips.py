"""Likely slips in an ID that nothing has."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from marshmallow import ValidationError

from schemas.api.page import PageQuery

IDS = {"subject_id", "member", "operator", "owner"}
CUT = ("@TGS", "@TOA")  # all that is left of an ID if an address is cut at its #


def find_slip(text: str) -> str | None:
    """Return the likely reason why nothing has an ID; none if there is none."""
    if text in CUT:
        return "An address ends at #: write # as %23."
    return "It is encoded twice." if re.search("%[0-9A-Fa-f]{2}", text) else None


def find_slip_in_path(text: str) -> str | None:
    """Return the likely reason why nothing has an ID from a path."""
    return find_slip(text) or (
        "In a path, + is not a blank: write a blank as %20." if "+" in text else None
    )


def refuse_slip(query: PageQuery, fetch: Callable[[PageQuery], Any]) -> None:
    """Refuse a query without results if the cause is likely a slip.

    Args:
        query: its IDs are checked. A blank in one may be intended, unless something is found with a
            + instead.
        fetch: returns a page, which has ``items``.

    Raises:
        ValidationError: the cause is likely a slip, which the message names.
    """
    filters, found = query.filters, {}
    for name in IDS & filters.keys():
        slip, meant = find_slip(filters[name]), filters[name].replace(" ", "+")
        if meant != filters[name] and fetch(replace(query, filters={**filters, name: meant})).items:
            slip = "In a query, + is a blank: write + as %2B."
        if slip:
            found[name] = [f"Nothing found. {slip}"]
    if found:
        raise ValidationError(found)
