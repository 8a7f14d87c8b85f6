"""The reading blueprint of single channels and groups: what they were, and how they changed."""

from typing import Any

from flask import Blueprint, Response, abort
from marshmallow import ValidationError

from blueprints.access import require_api_key
from blueprints.errors import problem
from blueprints.operation import answer_page, operation
from blueprints.runtime import runtime
from models.vocabulary import SubjectType
from schemas.page import PageQuery
from schemas.subject_list import (
    ChannelsQuerySchema,
    GroupsQuerySchema,
    SubjectPageSchema,
    SubjectsQuery,
    encode_position,
)
from schemas.subjects import StateQuerySchema, StateSchema, VersionPageSchema, VersionsQuerySchema
from services.subject_events import AmbiguousSubjectError, ForeignEventError, Subject
from services.subject_list import fetch_subjects
from services.subjects import fetch_state, fetch_versions

bp = Blueprint("subjects", __name__)
bp.before_request(require_api_key)


@bp.get("/channels")
@operation(SubjectPageSchema, query=ChannelsQuerySchema)
def list_channels(query: SubjectsQuery) -> dict[str, Any]:
    """List channels as they are now."""
    return list_subjects(SubjectType.CHANNEL, query)


@bp.get("/groups")
@operation(SubjectPageSchema, query=GroupsQuerySchema)
def list_groups(query: SubjectsQuery) -> dict[str, Any]:
    """List groups as they are now."""
    return list_subjects(SubjectType.GROUP, query)


@bp.get("/channels/<subject_id:subject_id>", merge_slashes=False)
@operation(StateSchema, query=StateQuerySchema)
def show_channel(subject_id: str, query: dict[str, Any]) -> dict[str, Any]:
    """Show a channel as it was at an instant, or as it is."""
    return show_state(SubjectType.CHANNEL, subject_id, query)


@bp.get("/groups/<subject_id:subject_id>", merge_slashes=False)
@operation(StateSchema, query=StateQuerySchema)
def show_group(subject_id: str, query: dict[str, Any]) -> dict[str, Any]:
    """Show a group as it was at an instant, or as it is."""
    return show_state(SubjectType.GROUP, subject_id, query)


@bp.get("/channels/<subject_id:subject_id>/versions", merge_slashes=False)
@operation(VersionPageSchema, query=VersionsQuerySchema)
def show_channel_versions(subject_id: str, query: PageQuery) -> dict[str, Any]:
    """List how a channel changed, oldest first."""
    return show_versions(SubjectType.CHANNEL, subject_id, query)


@bp.get("/groups/<subject_id:subject_id>/versions", merge_slashes=False)
@operation(VersionPageSchema, query=VersionsQuerySchema)
def show_group_versions(subject_id: str, query: PageQuery) -> dict[str, Any]:
    """List how a group changed, oldest first."""
    return show_versions(SubjectType.GROUP, subject_id, query)


def list_subjects(kind: SubjectType, query: SubjectsQuery) -> dict[str, Any]:
    """Answer which subjects there are."""
    with runtime().database.reads() as session:
        page = fetch_subjects(session, kind, query)
    now = runtime().now()
    cursor = None if page.next is None else encode_position(page.next, scope=query.scope)
    return {"items": [{**item, "at": now} for item in page.items], "next_cursor": cursor}


def show_state(kind: SubjectType, subject_id: str, query: dict[str, Any]) -> dict[str, Any]:
    """Answer what a subject was."""
    subject = Subject(kind, subject_id, query.get("sdk_app_id"))
    at = query.get("at")
    with runtime().database.reads() as session:
        state = fetch_state(session, subject, at)
    if state is None:
        abort(404, f"Nothing is known of a {kind.value} of this ID{' at that time' if at else ''}.")
    return {**state, "at": at or runtime().now()}


def show_versions(kind: SubjectType, subject_id: str, query: PageQuery) -> dict[str, Any]:
    """Answer how a subject changed."""
    subject = Subject(kind, subject_id, query.filters.get("sdk_app_id"))
    try:
        with runtime().database.reads() as session:
            page = fetch_versions(session, subject, query)
    except ForeignEventError:
        raise ValidationError({"cursor": ["Not a cursor of this subject."]}) from None
    if page is None:
        abort(404, f"Nothing is known of a {kind.value} of this ID.")
    return answer_page(query, page)


@bp.errorhandler(AmbiguousSubjectError)
def on_ambiguous_subject(_: AmbiguousSubjectError) -> Response:
    """400: the answer would mix what belongs to different apps."""
    reason = "Several apps have a subject of this ID: say which."
    return problem(400, "Ambiguous subject", errors={"sdk_app_id": [reason]})
