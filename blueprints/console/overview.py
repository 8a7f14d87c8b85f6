"""The first page: what is wrong, what arrives, what happened last; and the search."""

from typing import Any

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from blueprints.console.arguments import read_arguments
from blueprints.console.chart import Chart
from blueprints.console.shell import bp
from blueprints.errors import on_database_error
from blueprints.runtime import runtime
from models.vocabulary import SubjectType
from schemas.history import HistoryQuerySchema
from schemas.subject_list import SubjectSearchSchema
from services.activity import count_by_hour, find_silences
from services.health import check_database, check_spool
from services.history import fetch_history
from services.subject_list import fetch_subjects

HOURS = 24
NEWEST_EVENTS = "15"
FOUND = "10"  # of a kind, by ID and by name


@bp.get("/")
def show_overview() -> ResponseReturnValue:
    """Show the problems first; what the database does not tell is left out."""
    here = runtime()
    found: dict[str, Any] = {
        "spool": check_spool(here.keeper.spool, now=here.now()),
        "database": check_database(here.database.write_engine, here.keeper.breaker),
    }
    newest = HistoryQuerySchema().load({"limit": [NEWEST_EVENTS]})
    try:
        with here.database.reads() as session:
            found["chart"] = Chart.of(count_by_hour(session, until=here.now(), hours=HOURS))
            found["silences"] = find_silences(session, now=here.now())
            found["events"] = fetch_history(session, newest).items
    except SQLAlchemyError as error:
        on_database_error(error)
    return render_template("console/overview.html", **found)


@bp.get("/search")
def search() -> ResponseReturnValue:
    """Find subjects by what their ID or name begins with; lead to the one that has that very ID."""
    query = "".join(read_arguments().get("q", []))
    if not query:
        return redirect(url_for(".show_overview"))
    found: list[tuple[SubjectType, str, Any]] = []
    with runtime().database.reads() as session:
        for kind in SubjectType:
            for way in ("id", "name"):
                asked = SubjectSearchSchema().load({way: [query], "limit": [FOUND]})
                found.append((kind, way, fetch_subjects(session, kind, asked)))
    exact = [
        kind
        for kind, way, page in found
        if way == "id" and query in {item["subject_id"] for item in page.items}
    ]
    if len(exact) == 1:
        return redirect(url_for(f".show_{exact[0]}", subject_id=query))
    return render_template("console/search.html", query=query, found=found)
