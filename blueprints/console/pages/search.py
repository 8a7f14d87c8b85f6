"""The search box: find channels and groups."""

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.api.runtime import runtime
from blueprints.console.arguments import read_arguments
from blueprints.console.shell import bp
from models.vocabulary import SubjectType
from schemas.api.subjects import SubjectSearchSchema
from services.subjects.listing import SubjectPage, fetch_subjects

FOUND = "10"  # of a kind, by ID and by name


@bp.get("/search")
def search() -> ResponseReturnValue:
    """Find subjects by what their ID or name begins with; lead to the one there is, by its ID."""
    wanted = read_arguments().get("q", [""])[-1]
    if not wanted:
        return redirect(url_for(".show_overview"))
    found: list[tuple[SubjectType, str, SubjectPage]] = []
    with runtime().connect() as connection:
        for kind in SubjectType:
            for way in ("id", "name"):
                query = SubjectSearchSchema().load({way: [wanted], "limit": [FOUND]})
                found.append((kind, way, fetch_subjects(connection, kind, query)))
    found = [(kind, way, page) for kind, way, page in found if page.items or page.next]
    subjects = {(kind, item["subject_id"]) for kind, _, page in found for item in page.items}
    exact = [(kind, subject_id) for kind, subject_id in subjects if subject_id == wanted]
    if len(exact) == 1 and not any(way == "name" for _, way, _ in found):
        return redirect(url_for(f".show_{exact[0][0]}", subject_id=wanted))
    return render_template("console/search.html", wanted=wanted, found=found)
