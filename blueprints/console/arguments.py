"""The arguments of a page's address."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from flask import redirect, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from blueprints.console.shell import bp, make_href
from blueprints.console.zone import read_picked

PICKED = {"at", "since", "until"}
Arguments = dict[str, list[str]]


@bp.before_request
def lead_to_short_address() -> ResponseReturnValue | None:
    """Redirect from what a form sends to an address worth sharing, with times in UTC."""
    if request.method == "POST" or request.args.to_dict(flat=False) == read_arguments():
        return None
    return redirect(address(read_arguments()))


def read_arguments() -> Arguments:
    """Read the query string as forms send it: empty fields are absent, times are from pickers."""
    given = request.args.to_dict(flat=False)
    for name in PICKED & given.keys():
        given[name] = [*map(read_picked, given[name])]
    return {name: [*filter(None, values)] for name, values in given.items() if any(values)}


def address(arguments: Mapping[str, Any]) -> str:
    """Address this page with these arguments."""
    path = quote(request.script_root + request.path, safe="/%")  # an ID in it is still encoded
    return f"{path}?{urlencode(arguments, doseq=True)}" if arguments else path


@bp.app_template_global()
def with_arguments(**changes: Any) -> str:
    """Address this page with other arguments; none removes one."""
    arguments: Mapping[str, Any] = {**request.args.to_dict(flat=False), **changes}
    return address({name: value for name, value in arguments.items() if value is not None})


@bp.app_template_global()
def first_page(**changes: Any) -> str:
    """Address the first page of this list with other arguments, which no old cursor fits."""
    return with_arguments(cursor=None, **changes)


@bp.app_template_global()
def lead_to_first_page(**changes: Any) -> Markup:
    """Make the attribute of a link to ``first_page``."""
    return make_href(partial(first_page, **changes))


@bp.app_template_global()
def without(name: str, value: str) -> str:
    """Address the first page of this list without one value of an argument."""
    left = [one for one in request.args.getlist(name) if one != value]
    return first_page(**{name: left or None})
