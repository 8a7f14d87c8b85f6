"""The chosen language and zone, in cookies."""

from flask import redirect, request
from flask.typing import ResponseReturnValue

from blueprints.console.language import LANGUAGE_COOKIE, LANGUAGES
from blueprints.console.shell import YEAR_SECONDS, bp, find_way_back, keep_cookie
from blueprints.console.zone import ZONE_COOKIE, find_zone


@bp.post("/preferences")
def keep_preferences() -> ResponseReturnValue:
    """Keep a choice, and redirect to the page on which it was made."""
    response = redirect(find_way_back(), 303)
    language, zone = request.form.get("lang", ""), request.form.get("zone", "")
    if language in LANGUAGES:
        keep_cookie(response, LANGUAGE_COOKIE, language, YEAR_SECONDS)
    if find_zone(zone):
        keep_cookie(response, ZONE_COOKIE, zone, YEAR_SECONDS)
    return response
