"""Store labels, so that a search finds what events name."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from models.database.labels import insert_labels
from models.database.many import fetch_among, split
from models.event import Label
from models.text import FOLDED_LENGTH, fold
from models.vocabulary import OF_TOPICS, Findable
from services.recording.following.states import key_of

KEYS = sa.select(Label.kind, Label.holder_id, Label.sdk_app_id, Label.folded)
NEXT_LABEL = sa.select(sa.func.coalesce(sa.func.max(Label.id), 0) + 1)


class Key(NamedTuple):
    """The content of a label; no two labels have the same."""

    kind: str
    holder_id: str
    sdk_app_id: str
    folded: str


def add_labels(connection: sa.Connection, wanted: Iterable[Key]) -> None:
    """Store labels, except those that exist."""
    for part in split([*dict.fromkeys(wanted)]):
        holders, texts = {key.holder_id for key in part}, {key.folded for key in part}
        found = fetch_among(connection, KEYS, {Label.holder_id: holders, Label.folded: texts})
        known = {Key(*row) for row in found}
        if new := [key for key in part if key not in known]:
            next_id = connection.scalars(NEXT_LABEL).one()
            rows = [{"id": i, **one._asdict()} for i, one in enumerate(new, next_id)]
            insert_labels(connection, rows)


def list_keys(
    events: Sequence[Mapping[str, Any]], members: Mapping[int, Sequence[str]]
) -> Iterator[Key]:
    """List the labels of events: their subjects by ID and name, and their users."""
    for event in events:
        subject = key_of(event)
        yield make_key(*subject, event["subject_id"])
        if event["name"] is not None and event["action"] not in OF_TOPICS:
            yield make_key(*subject, event["name"])
        for user_id in (event["operator"], event["owner"], *members.get(event["id"], ())):
            if user_id is not None:
                yield make_key(Findable.USER, user_id, "", user_id)


def make_key(kind: str, holder_id: str, sdk_app_id: str, text: str) -> Key:
    """Make the key of the label for an ID or a name."""
    return Key(kind, holder_id, sdk_app_id, fold(text)[:FOLDED_LENGTH])
