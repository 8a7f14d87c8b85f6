"""The page of a user."""

from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints.console.shell import bp


@bp.get("/users/<subject_id:user_id>")
def show_user(user_id: str) -> ResponseReturnValue:
    """Show what a user did, owned and was a member of."""
    return render_template("console/user.html", user_id=user_id)
