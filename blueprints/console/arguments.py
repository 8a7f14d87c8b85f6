"""The arguments of a page's address."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from flask import request, url_for

from blueprints.console.language import PARAMETER

PICKED = {"at", "since", "until"}
FROM_A_PICKER = re.compile(r"(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d+)?)?)?")


def read_arguments() -> dict[str, list[str]]:
    """Read the query string as forms send it: an empty field says nothing, a picked time is UTC."""
    given = request.args.to_dict(flat=False)
    given.pop(PARAMETER, None)
    for name in PICKED & given.keys():
        given[name] = [*map(read_picked, given[name])]
    return {name: [*filter(None, values)] for name, values in given.items() if any(values)}


def read_picked(value: str) -> str:
    """Turn what a date picker sends into RFC 3339."""
    match = FROM_A_PICKER.fullmatch(value)
    if match is None:
        return value
    day, time, seconds, _ = match.groups()
    return f"{day}{time or 'T00:00'}{'' if seconds else ':00'}Z"


def with_arguments(**changes: Any) -> str:
    """Address this page with other arguments; none takes one away."""
    arguments: Mapping[str, Any] = {**request.args.to_dict(flat=False), **changes}
    given = {name: value for name, value in arguments.items() if value is not None}
    path = quote(request.script_root + request.path, safe="/%")  # an ID in it is encoded still
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def address_events(role: str, user_id: str) -> str | None:
    """Address what a user did or had to do with; none for an ID that no address can hold."""
    try:
        return f"{url_for('console.list_events')}?{urlencode({role: user_id})}"
    except UnicodeEncodeError:  # half a surrogate pair
        return None


def to_picker(instant: datetime | None, *, up: bool = True) -> str:
    """Write an instant as a date picker has it, in milliseconds: no earlier, or no later."""
    if not instant:  # none, or undefined in a template
        return ""
    with suppress(OverflowError):  # at the end of time
        instant += timedelta(microseconds=999 if up else 0)
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
