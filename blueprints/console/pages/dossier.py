"""The page of one channel or group: its end, states, timeline and members; links to events."""

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from flask import Response, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.api.export import stream
from blueprints.api.readings import name_subject
from blueprints.api.runtime import runtime
from blueprints.console.arguments import read_arguments, with_arguments
from blueprints.console.pages.system import fetch_last_readers
from blueprints.console.shell import bp, show_failure
from models.text import dump_json
from models.vocabulary import SubjectType
from schemas.api.subjects import MembersQuerySchema, StoryQuerySchema
from services.reading.facets import MOST_COUNTED
from services.reading.health import fetch_purged_until
from services.reading.history import fetch_events_by_id
from services.reading.pages import Row
from services.subjects.dossier import fetch_dossiers
from services.subjects.events import AmbiguousSubjectError, Subject
from services.subjects.lives import Life
from services.subjects.members import (
    fetch_members,
    fetch_membership,
    fetch_reported,
    stream_members,
)
from services.subjects.states import add_operators, describe
from services.subjects.story import ForeignEventError, Step, Story, fetch_story
from services.subjects.timeline import fetch_timeline

CHANNEL, GROUP = {"kind": SubjectType.CHANNEL}, {"kind": SubjectType.GROUP}
ID = "<subject_id:subject_id>"
STEPS = 50  # of a timeline on one page
MEMBERS_OF_A_STEP = 5  # members that an entry shows
MEMBERS = 20  # of a life that are shown at first
MOST_MEMBERS = 10_000  # of a life that are shown at all
MOST_EARLIER = 10  # lives
LINES_AT_ONCE = 1000  # of a file of members
MOST_MARKS = 200  # versions whose names and times the slider knows


@bp.get(f"/channels/{ID}", endpoint="show_channel", defaults=CHANNEL)
@bp.get(f"/groups/{ID}", endpoint="show_group", defaults=GROUP)
def show_subject(kind: SubjectType, subject_id: str) -> ResponseReturnValue:
    """Show everything known about a subject, and its state now or at an instant."""
    query = StoryQuerySchema().load(read_arguments())
    subject = Subject(kind, subject_id, query.get("sdk_app_id"))
    with runtime().connect() as connection:
        story = fetch_story(connection, subject, at=query.get("at")) or abort(404)
        if "version" in query:
            [version] = story.versions[: query["version"]][-1:] or abort(404)
            return redirect(with_arguments(version=None, at=version.occurred_at.isoformat()))
        shown = fetch_shown(connection, story, query)
        shown["readings"] = fetch_last_readers(connection, "subject_id", subject_id)
    return render_template("console/subject.html", kind=kind, subject=story.subject, **shown)


def fetch_shown(connection: sa.Connection, story: Story, query: Mapping[str, Any]) -> Row:
    """Fetch what the page shows: about the life of the instant, and those before it."""
    at = query.get("at")
    life = story.find_life(at)
    lives = [life, *story.lives[: life.number - 1][: -MOST_EARLIER - 1 : -1]]
    most = {life.number: MOST_MEMBERS if "members" in query else MEMBERS}
    members = {
        one.number: fetch_members(connection, story, one, most=most.get(one.number, MEMBERS))
        for one in lives
    }
    return {
        **fetch_view(connection, story, at),
        "dossiers": fetch_dossiers(connection, story, lives),
        "lives": len(story.lives),
        "members": members,
        "membership": "member" in query
        and fetch_membership(
            connection, story, life, query["member"], members=members[life.number]
        ),
        "timeline": fetch_timeline(
            connection,
            story,
            part=query["show"],
            start=query.get("event"),
            limit=STEPS,
            members=MEMBERS_OF_A_STEP,
        ),
        "most": MOST_COUNTED,
    }


def fetch_view(connection: sa.Connection, story: Story, at: datetime | None) -> Row:
    """Fetch the state at an instant, or at present, and its place among all states."""
    subject, versions, life = story.subject, story.versions, story.then
    members_then = None
    if at and life and life.status == "active":
        members_then = fetch_reported(connection, story, life, most=0, until=at)
    state = describe(subject, life) if life else None
    if state:
        add_operators(connection, state)
    return {
        "at": at,
        "purged_until": fetch_purged_until(connection, at) if at else None,
        "state": state,
        "standing": story.find_standing(at),
        "marks": name_versions(versions) if len(versions) <= MOST_MARKS else [],
        "members_then": members_then,
    }


def name_versions(versions: Sequence[Step]) -> list[tuple[Step, Any]]:
    """Pair each version with the name of the subject then, none if it was unknown."""
    names: dict[int, Any] = {}
    named = []
    for step in versions:
        for field, _, new in step.changes:
            if field == "name":
                names[step.life] = new
        named.append((step, names.get(step.life)))
    return named


@bp.get("/events/<row_id:event_id>")
def show_event(event_id: int) -> ResponseReturnValue:
    """Redirect to an event in the timeline of its subject."""
    with runtime().connect() as connection:
        event = fetch_events_by_id(connection, [event_id]).get(event_id) or abort(404)
    name_subject(event["subject_id"])
    address = url_for(
        f"console.show_{event['subject_type']}",
        subject_id=event["subject_id"],
        sdk_app_id=event["sdk_app_id"],
        event=event_id,
        _anchor=f"event-{event_id}",
    )
    return redirect(address)


@bp.get(f"/channels/{ID}/members.txt", endpoint="list_channel_members", defaults=CHANNEL)
@bp.get(f"/groups/{ID}/members.txt", endpoint="list_group_members", defaults=GROUP)
def list_members(kind: SubjectType, subject_id: str) -> Response:
    """Return the members of a life as a file, one ID a line."""
    query = MembersQuerySchema().load(read_arguments())
    subject = Subject(kind, subject_id, query.get("sdk_app_id"))
    with runtime().connect() as connection:
        story = fetch_story(connection, subject) or abort(404)
    [life] = story.lives[query.get("life", len(story.lives)) - 1 :][:1] or abort(404)
    file = write_members(runtime().export_engine, story, life)
    name = re.sub(r"[^\w@#.-]+", "_", f"{kind}-{subject_id}-members.txt", flags=re.ASCII)
    return stream(file, name, "text/plain; charset=utf-8")


def write_members(engine: sa.Engine, story: Story, life: Life) -> Generator[bytes]:
    """Write the members of a life, piece by piece."""
    with engine.connect() as connection, closing(stream_members(connection, story, life)) as users:
        while lines := [to_line(user_id) for user_id in islice(users, LINES_AT_ONCE)]:
            yield "".join(lines).encode(errors="backslashreplace")


def to_line(user_id: str) -> str:
    """Write an ID as a line; one that spans several lines is written as JSON."""
    return f"{user_id if len(user_id.splitlines()) < 2 else dump_json(user_id)}\n"


@bp.errorhandler(ForeignEventError)
def on_foreign_event(_: ForeignEventError) -> ResponseReturnValue:
    """400: the address belongs to another subject, or to another part of the timeline."""
    return show_failure(400, errors={"event": ["Not an event of this timeline."]})


@bp.errorhandler(AmbiguousSubjectError)
def on_ambiguous_subject(error: AmbiguousSubjectError) -> ResponseReturnValue:
    """300: the reader of the page chooses the app."""
    return render_template("console/choose_app.html", apps=error.apps), 300
