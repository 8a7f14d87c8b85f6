"""Lists of channels and groups."""

from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints.api.operation import answer_page
from blueprints.api.runtime import runtime
from blueprints.console.arguments import read_arguments
from blueprints.console.shell import bp
from models.vocabulary import SubjectType
from schemas.api.lists import SubjectListSchema, is_by_time
from services.lists.by_name import fetch_subjects
from services.lists.by_time import fetch_recent_subjects


@bp.get("/channels", endpoint="list_channels", defaults={"kind": SubjectType.CHANNEL})
@bp.get("/groups", endpoint="list_groups", defaults={"kind": SubjectType.GROUP})
def list_subjects(kind: SubjectType) -> ResponseReturnValue:
    """Show a page of subjects as they are now."""
    query = SubjectListSchema().load(read_arguments())
    fetch = fetch_recent_subjects if is_by_time(query.filters) else fetch_subjects
    with runtime().connect() as connection:
        page = answer_page(query, fetch(connection, kind, query))
    return render_template("console/subjects.html", kind=kind, page=page, filters=query.filters)
