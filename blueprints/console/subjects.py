"""Channels and groups: lists of them, and the whole story of one."""

from flask import abort, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints.console.arguments import read_arguments
from blueprints.console.shell import bp, show_failure
from blueprints.runtime import runtime
from models.vocabulary import SubjectType
from schemas.subject_list import SubjectSearchSchema, encode_position
from schemas.subjects import StoryQuerySchema
from services.history import fetch_events_by_id
from services.members import add_first_members
from services.pages import Row
from services.subject_events import AmbiguousSubjectError, ForeignEventError, Subject
from services.subject_list import fetch_subjects
from services.timeline import fetch_timeline

STEPS = 50  # of a timeline on one page
MEMBERS_OF_A_STEP = 20  # that are shown there
MEMBERS = 500  # of the last that are shown at first
MOST_MEMBERS = 2**31 - 1


@bp.get("/channels")
def list_channels() -> ResponseReturnValue:
    """Show which channels there are."""
    return list_subjects(SubjectType.CHANNEL)


@bp.get("/groups")
def list_groups() -> ResponseReturnValue:
    """Show which groups there are."""
    return list_subjects(SubjectType.GROUP)


@bp.get("/channels/<subject_id:subject_id>", merge_slashes=False)
def show_channel(subject_id: str) -> ResponseReturnValue:
    """Show what became of a channel."""
    return show_subject(SubjectType.CHANNEL, subject_id)


@bp.get("/groups/<subject_id:subject_id>", merge_slashes=False)
def show_group(subject_id: str) -> ResponseReturnValue:
    """Show what became of a group."""
    return show_subject(SubjectType.GROUP, subject_id)


def list_subjects(kind: SubjectType) -> ResponseReturnValue:
    """Show a page of subjects as they are now."""
    query = SubjectSearchSchema().load(read_arguments())
    with runtime().database.reads() as session:
        page = fetch_subjects(session, kind, query)
    following = None if page.next is None else encode_position(page.next, scope=query.scope)
    return render_template(
        "console/subjects.html", kind=kind, items=page.items, filters=query.filters, next=following
    )


def show_subject(kind: SubjectType, subject_id: str) -> ResponseReturnValue:
    """Show the state of a subject now or at an instant, how it ended, and its timeline."""
    query = StoryQuerySchema().load(read_arguments())
    subject = Subject(kind, subject_id, query.get("sdk_app_id"))
    with runtime().database.reads() as session:
        timeline = fetch_timeline(
            session,
            subject,
            at=query.get("at"),
            after=query.get("after"),
            limit=STEPS,
            members=MEMBERS_OF_A_STEP,
        ) or abort(404)
        ending = fetch_ending(
            session, timeline.end, MOST_MEMBERS if "members" in query else MEMBERS
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


def fetch_ending(session: Session, event_id: int | None, most: int) -> Row | None:
    """Fetch the event that ended a life, with the first of its members; none if none did."""
    if event_id is None:
        return None
    event = fetch_events_by_id(session, [event_id])[event_id]
    add_first_members(session, [event], most)
    return event


@bp.errorhandler(ForeignEventError)
def on_foreign_event(_: ForeignEventError) -> ResponseReturnValue:
    """400: the address was made for another subject."""
    return show_failure(400, errors={"after": ["Not an event of this subject."]})


@bp.errorhandler(AmbiguousSubjectError)
def on_ambiguous_subject(error: AmbiguousSubjectError) -> ResponseReturnValue:
    """300: whoever asks chooses."""
    return render_template("console/choose_app.html", apps=error.apps), 300
