"""Channels and groups: their lists, states and versions."""

from functools import partial
from typing import Any, NoReturn

from flask import Response, abort
from marshmallow import ValidationError

from blueprints.api.access import bp
from blueprints.api.errors import problem
from blueprints.api.operation import answer_page, operation
from blueprints.api.runtime import runtime
from models.clock import write_instant
from models.vocabulary import SubjectType
from schemas.api.page import PageQuery
from schemas.api.slips import find_slip_in_path
from schemas.api.subjects import (
    ChannelsQuerySchema,
    GroupsQuerySchema,
    StateQuerySchema,
    StateSchema,
    SubjectPageSchema,
    VersionPageSchema,
    VersionsQuerySchema,
)
from services.lists.subjects import fetch_subjects
from services.reading.health import fetch_purged_until
from services.subjects.events import AmbiguousSubjectError, Subject
from services.subjects.states import fetch_state
from services.subjects.story import ForeignEventError
from services.subjects.versions import fetch_versions

CHANNEL, GROUP = {"kind": SubjectType.CHANNEL}, {"kind": SubjectType.GROUP}


@bp.get("/channels")
@operation(SubjectPageSchema, query=ChannelsQuerySchema)
def list_channels(query: PageQuery) -> dict[str, Any]:
    """List channels in their present state."""
    return list_subjects(SubjectType.CHANNEL, query)


@bp.get("/groups")
@operation(SubjectPageSchema, query=GroupsQuerySchema)
def list_groups(query: PageQuery) -> dict[str, Any]:
    """List groups in their present state."""
    return list_subjects(SubjectType.GROUP, query)


def list_subjects(kind: SubjectType, query: PageQuery) -> dict[str, Any]:
    """Answer with a page of present states."""
    with runtime().connect() as connection:
        page = answer_page(query, partial(fetch_subjects, connection, kind=kind))
    now = runtime().now()
    for item in page["items"]:
        item["at"] = now
    return page


@bp.get("/channels/<subject_id:subject_id>", defaults=CHANNEL)
@bp.get("/groups/<subject_id:subject_id>", defaults=GROUP)
@operation(StateSchema, query=StateQuerySchema)
def show_state(kind: SubjectType, subject_id: str, query: dict[str, Any]) -> dict[str, Any]:
    """Show the state of a channel or group, at present or at an instant."""
    subject = Subject(kind, subject_id, query.get("sdk_app_id"))
    at = query.get("at")
    with runtime().connect() as connection:
        if at is not None and (purged_until := fetch_purged_until(connection, at)):
            reason = f"What happened before {write_instant(purged_until)} was purged."
            raise ValidationError({"at": [reason]})
        state = fetch_state(connection, subject, at)
    if state is None:
        refuse_unknown(subject, " at that time" if at else "")
    return {**state, "at": at or runtime().now()}


@bp.get("/channels/<subject_id:subject_id>/versions", defaults=CHANNEL)
@bp.get("/groups/<subject_id:subject_id>/versions", defaults=GROUP)
@operation(VersionPageSchema, query=VersionsQuerySchema)
def show_versions(kind: SubjectType, subject_id: str, query: PageQuery) -> dict[str, Any]:
    """List how a channel or group changed, oldest first."""
    subject = Subject(kind, subject_id, query.filters.get("sdk_app_id"))
    try:
        with runtime().connect() as connection:
            page = fetch_versions(connection, subject, query)
    except ForeignEventError:
        raise ValidationError({"cursor": ["Not a cursor of this subject."]}) from None
    if page is None:
        refuse_unknown(subject)
    return answer_page(query, lambda _: page)


def refuse_unknown(subject: Subject, when: str = "") -> NoReturn:
    """404, with the likely cause."""
    slip = find_slip_in_path(subject.id) or ""
    abort(404, f"No {subject.type} with this ID is known{when}. {slip}".strip())


@bp.errorhandler(AmbiguousSubjectError)
def on_ambiguous_subject(_: AmbiguousSubjectError) -> Response:
    """400: the answer would mix the subjects of different apps."""
    reason = "Several apps have a subject with this ID: choose one."
    return problem(400, "Ambiguous subject", errors={"sdk_app_id": [reason]})
