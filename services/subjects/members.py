"""The members of a subject, as far as callbacks tell.

The end of most groups lists all of them. Otherwise they follow from who was said to join or leave.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from operator import itemgetter

import sqlalchemy as sa

from models.event import EventMember
from models.text import unescape_text
from models.vocabulary import Action
from services.subjects.events import STREAMED, Subject
from services.subjects.lives import Life
from services.subjects.story import Story
from services.subjects.versions import Step

MOST_MENTIONS = 20_000  # of users, from which members are added up for one page

Mention = sa.Row[str, int]  # a user, as stored, and the event that names the user


@dataclass(frozen=True)
class Members:
    """The members of a life, at its end or so far.

    Attributes:
        first: the first of them.
        count: of all; none where there are too many mentions to add them up.
        is_listed: the end lists them all, in Tencent's order.
    """

    first: Sequence[str]
    count: int | None
    is_listed: bool = False


def fetch_members(connection: sa.Connection, story: Story, life: Life, *, most: int) -> Members:
    """Return the members of a life, as its end lists them or else as they were reported."""
    if life.destroyed_by is not None:
        listed = fetch_listed(connection, life.destroyed_by, most=most)
        if listed.count:
            return listed
    return fetch_reported(connection, story, life, most=most)


def fetch_listed(connection: sa.Connection, event_id: int, *, most: int) -> Members:
    """Return the members that the end of a life lists, which may be none."""
    first = select_listed(event_id).where(EventMember.position < most)
    count = sa.select(sa.func.count()).where(EventMember.event_id == event_id)
    return Members([*connection.scalars(first)], connection.scalar(count), is_listed=True)


def fetch_reported(
    connection: sa.Connection, story: Story, life: Life, *, most: int, until: datetime | None = None
) -> Members:
    """Return the members that were reported for a life, up to its end or to an instant before."""
    query = select_mentions(story.subject).limit(MOST_MENTIONS + 1)
    mentions = connection.execute(query).all()
    users = find_members(mentions[:MOST_MENTIONS], story.list_steps(life, until=until))
    first = [*islice(users, most)]
    is_counted = len(mentions) <= MOST_MENTIONS
    return Members(first, len(first) + sum(1 for _ in users) if is_counted else None)


def stream_members(connection: sa.Connection, story: Story, life: Life) -> Generator[str]:
    """Yield all members of a life, as its end lists them or else as they were reported."""
    end = life.destroyed_by
    if end is not None and fetch_listed(connection, end, most=0).count:
        with connection.execute(select_listed(end), execution_options=STREAMED) as listed:
            yield from listed.scalars()
        return
    mentions = select_mentions(story.subject)
    with connection.execute(mentions, execution_options=STREAMED) as found:
        yield from find_members(found, story.list_steps(life))


def select_listed(event_id: int) -> sa.Select[str]:
    """Select the users that an event lists, in Tencent's order."""
    listed = sa.select(EventMember.user_id).where(EventMember.event_id == event_id)
    return listed.order_by(EventMember.position)


def select_mentions(subject: Subject) -> sa.Select[str, int]:
    """Select what names users of a subject, user by user, each in order."""
    user_id = sa.type_coerce(EventMember.user_id, sa.Text)  # few of many are shown
    rows = sa.select(user_id, EventMember.event_id)
    rows = rows.where(EventMember.subject_id == subject.id)
    return rows.order_by(EventMember.user_id, EventMember.occurred_at, EventMember.event_id)


def find_members(mentions: Iterable[Mention], steps: Iterable[Step]) -> Iterator[str]:
    """Yield the users who are members after some steps: the last to name them is no exit."""
    joined = {step.event_id: step.action != Action.MEMBERS_REMOVED for step in steps}
    for user_id, its_mentions in groupby(mentions, key=itemgetter(0)):
        known = [joined[event_id] for _, event_id in its_mentions if event_id in joined]
        if known and known[-1]:
            yield unescape_text(user_id)


@dataclass(frozen=True)
class Membership:
    """What is known of one user in a subject.

    Attributes:
        is_member: whether the user is one of the ``Members`` of a life.
        steps: those that name the user, in all lives, newest first.
    """

    user_id: str
    is_member: bool
    steps: Sequence[Step]


def fetch_membership(
    connection: sa.Connection, story: Story, life: Life, user_id: str, *, members: Members
) -> Membership:
    """Return what is known of a user, who may be one of the ``members`` of a life."""
    query = select_mentions(story.subject).where(EventMember.user_id == user_id)
    mentions = connection.execute(query).all()
    steps: Mapping[int, Step] = {step.event_id: step for step in story.steps}
    named = [steps[event_id] for _, event_id in mentions if event_id in steps]
    if members.is_listed:
        is_member = life.destroyed_by in {step.event_id for step in named}
    else:
        is_member = any(find_members(mentions, story.list_steps(life)))
    return Membership(user_id, is_member, named[::-1])
