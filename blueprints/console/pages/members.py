"""The members of a channel or group as a file."""

import re
from collections.abc import Generator
from contextlib import closing
from itertools import islice

import sqlalchemy as sa
from flask import Response, abort

from blueprints.api.export import stream
from blueprints.api.runtime import runtime
from blueprints.console.arguments import read_arguments
from blueprints.console.pages.dossier import CHANNEL, GROUP, ID
from blueprints.console.shell import bp
from models.text import dump_json
from models.vocabulary import SubjectType
from schemas.api.subjects import MembersQuerySchema
from services.subjects.events import Subject
from services.subjects.lives import Life
from services.subjects.members import stream_members
from services.subjects.story import Story, fetch_story

LINES_AT_ONCE = 1000


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
