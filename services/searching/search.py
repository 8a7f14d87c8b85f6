"""Find channels, groups, users and deliveries by an ID, a name, or any part of these."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa

from models.database.labels import Holder, find_beginnings, find_parts
from models.text import FOLDED_LENGTH, fold
from models.vocabulary import Findable, Match, SubjectType
from services.reading.deliveries import find_delivery
from services.reading.history import fetch_moments
from services.reading.pages import Row
from services.searching.asked import Asked
from services.subjects.events import IS_TELLING, read_histories
from services.subjects.lives import Event, follow_lives
from services.subjects.states import fetch_states

MOST_FOUND = 20  # of a kind
MOST_LABELS = 200  # that are examined; a channel may have had a hundred names with one word

Names = dict[int, str]  # of a subject in all its lives, by the events that gave them, in order


@dataclass(frozen=True)
class Found:
    """The hits of one kind, best first.

    Attributes:
        has_more: whether there are more than are shown.
    """

    kind: Findable
    items: Sequence[Row]
    has_more: bool = False


class Reason(NamedTuple):
    """Why something was found; the lowest is best.

    Attributes:
        rank: 0 for the whole text, 1 for its beginning, 2 for another part of it, 3 for none.
        since: the event that gave the name; none for an ID.
        until: the event that gave another name; none if none did.
    """

    rank: int
    match: Match
    text: str
    since: int | None = None
    until: int | None = None


def find_all(connection: sa.Connection, asked: Asked, kinds: Iterable[Findable]) -> list[Found]:
    """Find everything whose present or former ID or name contains this; omit empty kinds."""
    wanted = [kind for kind in kinds if asked.kind in (None, kind)]
    found = [find_kind(connection, asked, kind) for kind in wanted]
    return [one for one in found if one.items]


def find_kind(connection: sa.Connection, asked: Asked, kind: Findable) -> Found:
    """Find everything of one kind."""
    if kind is Findable.DELIVERY:
        return Found(kind, [*find_deliveries(connection, asked)])
    holders = find_holders(connection, asked, kind)
    shown, has_more = holders[:MOST_FOUND], len(holders) > MOST_FOUND
    if kind is Findable.USER:
        users = [{"id": user_id, "match": Match.ID, "text": user_id} for _, user_id in shown]
        return Found(kind, users, has_more)
    return Found(kind, describe(connection, SubjectType(kind), shown, asked.folded), has_more)


def find_deliveries(connection: sa.Connection, asked: Asked) -> Iterator[Row]:
    """Find the delivery that has this number or UUID, if any."""
    wanted = asked.delivery
    delivery = None if wanted is None else find_delivery(connection, wanted)
    if delivery is not None:
        yield {**delivery, "match": Match.ID, "text": str(delivery["id"])}


def find_holders(connection: sa.Connection, asked: Asked, kind: Findable) -> list[Holder]:
    """Find the holders of labels, best first; more than are shown, if there are any."""
    folded = asked.folded
    if not 0 < len(folded) <= FOLDED_LENGTH:
        return []
    found = dict.fromkeys(find_beginnings(connection, kind, folded, MOST_LABELS))
    if len(found) <= MOST_FOUND and asked.has_parts:
        found |= dict.fromkeys(find_parts(connection, kind, folded, MOST_LABELS))
    return [*found]


def describe(
    connection: sa.Connection, kind: SubjectType, holders: Sequence[Holder], folded: str
) -> list[Row]:
    """Describe subjects by their present states and why they were found."""
    if not holders:
        return []
    ids = {subject_id for _, subject_id in holders}
    names = {
        (app, subject_id): follow_names(events)
        for subject_id, app, events in read_histories(connection, kind, ids, IS_TELLING)
    }
    found = fetch_states(connection, kind, ids)
    states = {(state["sdk_app_id"], state["subject_id"]): state for state in found}
    known = [one for one in holders if one in states]
    reasons = [find_reason(states[one], names.get(one, {}), folded) for one in known]
    periods = fetch_periods(connection, reasons)
    return [
        {"id": holder[1], **states[holder], **period}
        for holder, period in zip(known, periods, strict=True)
    ]


def follow_names(events: Iterable[Event]) -> Names:
    """Follow the names of a subject through its lives."""
    return {
        life.last_event_id: new
        for life, changes in follow_lives(events)
        for field, _, new in changes
        if field == "name"
    }


def find_reason(state: Row, names: Names, folded: str) -> Reason:
    """Find the best reason why a subject was found; among former names, the latest."""
    subject_id = state["subject_id"]
    present = state["fields"].get("name", {}).get("event_id")
    reasons = [Reason(rate(subject_id, folded), Match.ID, subject_id)]
    until = None
    for event_id, name in reversed(names.items()):
        match = Match.NAME if event_id == present else Match.FORMER_NAME
        reasons.append(Reason(rate(name, folded), match, name, event_id, until))
        until = event_id
    return min(reasons, key=lambda reason: reason.rank)


def rate(text: str, folded: str) -> int:
    """Rate how well a text matches, from 0 to 3."""
    label = fold(text)
    return (label != folded) + (not label.startswith(folded)) + (folded not in label)


def fetch_periods(connection: sa.Connection, reasons: Sequence[Reason]) -> list[Row]:
    """Return why subjects were found, with the time of the reason's beginning and end."""
    events = (one for reason in reasons for one in (reason.since, reason.until))
    moments = fetch_moments(connection, filter(None, events))
    times: Mapping[int | None, object] = {key: row["occurred_at"] for key, row in moments.items()}
    return [
        {"match": reason.match, "text": reason.text}
        | {"since": times.get(reason.since), "until": times.get(reason.until)}
        for reason in reasons
    ]
