"""Purge the labels that no event supports any more."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from models.database.labels import delete_labels
from models.database.many import is_among, split
from models.event import EventMember, Label, LifecycleEvent
from models.vocabulary import Findable
from services.recording.following.labels import make_key

NAMES = sa.select(
    LifecycleEvent.subject_type,
    LifecycleEvent.sdk_app_id,
    LifecycleEvent.subject_id,
    LifecycleEvent.name,
).distinct()
HELD = sa.select(Label.kind, Label.sdk_app_id, Label.holder_id, Label.folded, Label.id)

Key = tuple[str, str, str]  # type, app and ID of a subject


def purge_subject_labels(connection: sa.Connection, subjects: Iterable[Key]) -> None:
    """Purge the labels of subjects that no event supports any more: names, or IDs."""
    for part in split([*subjects]):
        ids = [*{subject_id for *_, subject_id in part}]
        said = {
            make_key(kind, app, subject_id, text)
            for kind, app, subject_id, name in connection.execute(
                NAMES.where(is_among(connection, LifecycleEvent.subject_id, ids))
            )
            for text in (subject_id, name)
            if text is not None
        }
        held = connection.execute(HELD.where(is_among(connection, Label.holder_id, ids))).all()
        meant = {*part}
        unsaid = [one.id for one in held if one[:3] in meant and one[:4] not in said]
        if unsaid:
            delete_labels(connection, is_among(connection, Label.id, unsaid))


def purge_user_labels(connection: sa.Connection, users: Sequence[str]) -> None:
    """Purge the labels of those users that no event names any more."""
    user_id: Any = Label.holder_id
    if connection.dialect.name == "postgresql":
        user_id = Label.holder_id.collate("default")  # the order of the indexes
    named = (LifecycleEvent.operator, LifecycleEvent.owner, EventMember.user_id)
    # The limit keeps the planner from comparing all users at once.
    is_unnamed = [
        sa.select(sa.literal(1)).where(column == user_id).limit(1).scalar_subquery().is_(None)
        for column in named
    ]
    of_users = (Label.kind == Findable.USER, Label.sdk_app_id == "")
    for part in split(users):
        delete_labels(
            connection, *of_users, is_among(connection, Label.holder_id, part), *is_unnamed
        )
