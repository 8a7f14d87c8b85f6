"""Channels and groups: lists of them, and the whole story of one."""

import sqlalchemy as sa
from flask import abort, render_template
from flask.typing import ResponseReturnValue

from blueprints.api.operation import answer_page
from blueprints.api.runtime import runtime
from blueprints.console.arguments import read_arguments
from blueprints.console.shell import bp, show_failure
from models.vocabulary import SubjectType
from schemas.api.subjects import StoryQuerySchema, SubjectSearchSchema
from services.reading.history import add_first_members, fetch_events_by_id
from services.reading.pages import Row
from services.subjects.events import AmbiguousSubjectError, Subject
from services.subjects.listing import fetch_subjects
from services.subjects.timeline import fetch_timeline
from services.subjects.versions import ForeignEventError

CHANNEL, GROUP = {"kind": SubjectType.CHANNEL}, {"kind": SubjectType.GROUP}
ID = "<subject_id:subject_id>"
STEPS = 50  # of a timeline on one page
MEMBERS_OF_A_STEP = 20  # that are shown there
MEMBERS = 500  # of the last that are shown at first
MOST_MEMBERS = 10_000  # that are shown at all


@bp.get("/channels", endpoint="list_channels", defaults=CHANNEL)
@bp.get("/groups", endpoint="list_groups", defaults=GROUP)
def list_subjects(kind: SubjectType) -> ResponseReturnValue:
    """Show a page of subjects as they are now."""
    query = SubjectSearchSchema().load(read_arguments())
    with runtime().connect() as connection:
        page = answer_page(query, fetch_subjects(connection, kind, query))
    return render_template("console/subjects.html", kind=kind, page=page, filters=query.filters)


@bp.get(f"/channels/{ID}", endpoint="show_channel", defaults=CHANNEL)
@bp.get(f"/groups/{ID}", endpoint="show_group", defaults=GROUP)
def show_subject(kind: SubjectType, subject_id: str) -> ResponseReturnValue:
    """Show the state of a subject now or at an instant, how it ended, and its timeline."""
    query = StoryQuerySchema().load(read_arguments())
    subject = Subject(kind, subject_id, query.get("sdk_app_id"))
    with runtime().connect() as connection:
        timeline = fetch_timeline(
            connection,
            subject,
            at=query.get("at"),
            after=query.get("after"),
            limit=STEPS,
            members=MEMBERS_OF_A_STEP,
        ) or abort(404)
        ending = fetch_ending(
            connection, timeline.end, MOST_MEMBERS if "members" in query else MEMBERS
        )
    return render_template(
        "console/subject.html",
        kind=kind,
        subject=timeline.subject,
        state=timeline.state,
        at=query.get("at"),
        ending=ending,
        timeline=timeline,
    )


def fetch_ending(connection: sa.Connection, event_id: int | None, most: int) -> Row | None:
    """Fetch the event that ended a life, with the first of its members; none if none did."""
    if event_id is None:
        return None
    event = fetch_events_by_id(connection, [event_id])[event_id]
    add_first_members(connection, [event], most)
    return event


@bp.errorhandler(ForeignEventError)
def on_foreign_event(_: ForeignEventError) -> ResponseReturnValue:
    """400: the address was made for another subject."""
    return show_failure(400, errors={"after": ["Not an event of this subject."]})


@bp.errorhandler(AmbiguousSubjectError)
def on_ambiguous_subject(error: AmbiguousSubjectError) -> ResponseReturnValue:
    """300: whoever asks chooses."""
    return render_template("console/choose_app.html", apps=error.apps), 300
