"""Lists of channels and groups."""

from functools import partial

from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints.api.operation import answer_page
from blueprints.api.runtime import runtime
from blueprints.console.arguments import read_arguments
from blueprints.console.shell import bp
from models.vocabulary import SubjectType
from schemas.api.lists import SubjectListSchema
from services.lists.subjects import count_subjects, fetch_subjects


@bp.get("/channels", endpoint="list_channels", defaults={"kind": SubjectType.CHANNEL})
@bp.get("/groups", endpoint="list_groups", defaults={"kind": SubjectType.GROUP})
def list_subjects(kind: SubjectType) -> ResponseReturnValue:
    """Show a page of subjects as they are now, with counts."""
    query = SubjectListSchema().load(read_arguments())
    with runtime().connect() as connection:
        page = answer_page(query, partial(fetch_subjects, connection, kind))
        counts = count_subjects(connection, kind, query)
    return render_template(
        "console/subjects.html", kind=kind, page=page, counts=counts, filters=query.filters
    )
