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
from services.activity import count_by_hour, find_ceased, find_last, find_silence
from services.health import check_databases, check_spool
from services.history import fetch_history_without_members
from services.members import count_members
from services.subject_list import SubjectPage, fetch_subjects

NEWEST_EVENTS = "15"
FOUND = "10"  # of a kind, by ID and by name


@bp.get("/")
def show_overview() -> ResponseReturnValue:
    """Show the problems first, also if the database is one of them."""
    here = runtime()
    now = here.now()
    found: dict[str, Any] = {
        "spool": check_spool(here.keeper.spool, now=now),
        **check_databases(here.database, here.keeper.breaker),
    }
    newest = HistoryQuerySchema().load({"limit": [NEWEST_EVENTS]})
    try:
        with here.database.reads() as session:
            found["chart"] = Chart.of(count_by_hour(session, until=now))
            found["last"] = find_last(session)
            if found["last"] is not None:
                found["silence"] = find_silence(session, found["last"], now=now)
            found["ceased"] = find_ceased(session, now=now)
            found["events"] = fetch_history_without_members(session, newest).items
            count_members(session, found["events"])
    except SQLAlchemyError as error:
        on_database_error(error)
    return render_template("console/overview.html", **found)


@bp.get("")
def lead_to_overview() -> ResponseReturnValue:
    """Lead whoever left out the last slash."""
    return redirect(url_for(".show_overview"))


@bp.get("/search")
def search() -> ResponseReturnValue:
    """Find subjects by what their ID or name begins with; lead to the one there is, by its ID."""
    wanted = read_arguments().get("q", [""])[-1]
    if not wanted:
        return redirect(url_for(".show_overview"))
    found: list[tuple[SubjectType, str, SubjectPage]] = []
    with runtime().database.reads() as session:
        for kind in SubjectType:
            for way in ("id", "name"):
                query = SubjectSearchSchema().load({way: [wanted], "limit": [FOUND]})
                found.append((kind, way, fetch_subjects(session, kind, query)))
    found = [(kind, way, page) for kind, way, page in found if page.items or page.next]
    subjects = {(kind, item["subject_id"]) for kind, _, page in found for item in page.items}
    exact = [(kind, subject_id) for kind, subject_id in subjects if subject_id == wanted]
    if len(exact) == 1 and not any(way == "name" for _, way, _ in found):
        return redirect(url_for(f".show_{exact[0][0]}", subject_id=wanted))
    return render_template("console/search.html", wanted=wanted, found=found)
