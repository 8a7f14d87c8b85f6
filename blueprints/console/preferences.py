"""The language and the zone that a browser was told to use, in cookies."""

from flask import make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.console.language import LANGUAGE_COOKIE, LANGUAGES
from blueprints.console.shell import YEAR_SECONDS, bp, find_way_back
from blueprints.console.zone import ZONE_COOKIE, find_zone


@bp.post("/preferences")
def keep_preferences() -> ResponseReturnValue:
    """Keep what was chosen, and lead back to the page it was chosen on."""
    response = make_response(redirect(find_way_back(), 303))
    chosen = {}
    if request.form.get("lang") in LANGUAGES:
        chosen[LANGUAGE_COOKIE] = request.form["lang"]
    if find_zone(request.form.get("zone", "")):
        chosen[ZONE_COOKIE] = request.form["zone"]
    for name, value in chosen.items():
        response.set_cookie(
            name,
            value,
            max_age=YEAR_SECONDS,
            path=url_for("console.show_overview"),
            secure=request.is_secure,
            httponly=True,
            samesite="Lax",
        )
    return response
