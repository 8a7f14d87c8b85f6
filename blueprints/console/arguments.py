"""The arguments of a page's address."""

import re
from collections.abc import Mapping
from typing import Any

from flask import request, url_for

from blueprints.console.language import PARAMETER

FROM_A_PICKER = re.compile(r"(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d+)?)?)?")


def read_arguments() -> dict[str, list[str]]:
    """Read the query string as forms send it: an empty field says nothing, a picked time is UTC."""
    given = request.args.to_dict(flat=False)
    given.pop(PARAMETER, None)
    arguments = {name: [*map(read_argument, filter(None, given[name]))] for name in given}
    return {name: values for name, values in arguments.items() if values}


def read_argument(value: str) -> str:
    """Turn what a date picker sends into RFC 3339."""
    match = FROM_A_PICKER.fullmatch(value)
    if match is None:
        return value
    day, time, seconds, _ = match.groups()
    return f"{day}{time or 'T00:00'}{'' if seconds else ':00'}Z"


def with_arguments(**changes: Any) -> str:
    """Address this page with other arguments; none takes one away."""
    path: Mapping[str, Any] = request.view_args or {}
    arguments: Mapping[str, Any] = request.args.to_dict(flat=False)
    return url_for(request.endpoint or "", **{**arguments, **path, **changes})
