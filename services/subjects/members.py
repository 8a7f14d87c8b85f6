"""The members of a subject, as far as callbacks tell.

The end of most groups lists all of them. Otherwise they follow from reported joins and exits.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter

import sqlalchemy as sa

from models.event import EventMember
from models.text import unescape_text
from models.vocabulary import Action
from services.subjects.events import (
    IN_ORDER,
    PLACE,
    STREAMED,
    TABLE,
    Span,
    Subject,
    is_before,
    select_events,
)
from services.subjects.lives import Life
from services.subjects.story import Step, Story

MOST_MENTIONS = 10_000  # of users that are added up to members for one page
FEW_MENTIONS = 500  # examined for the first members, where there are too many to add up

Mention = sa.Row[str, str]  # a user, as stored, and the action of an event that names that user


@dataclass(frozen=True)
class Members:
    """The members of a life, at its end or so far.

    Attributes:
        first: the first members.
        count: of all members; none if there are too many mentions to add up.
        is_listed: whether the end lists them all, in Tencent's order.
    """

    first: Sequence[str]
    count: int | None
    is_listed: bool = False


def fetch_members(connection: sa.Connection, story: Story, life: Life, *, most: int) -> Members:
    """Return the members of a life, as listed by its end, or else as reported."""
    listed = fetch_listed(connection, life.destroyed_by, most=most)
    return listed if listed.count else fetch_reported(connection, story, life, most=most)


def fetch_listed(connection: sa.Connection, event_id: int | None, *, most: int) -> Members:
    """Return the members that the end of a life lists; none without an end."""
    if event_id is None:
        return Members([], 0, is_listed=True)
    first = select_listed(event_id).where(EventMember.position < most)
    count = sa.select(sa.func.count()).where(EventMember.event_id == event_id)
    return Members([*connection.scalars(first)], connection.scalar(count), is_listed=True)


def fetch_reported(
    connection: sa.Connection, story: Story, life: Life, *, most: int, until: datetime | None = None
) -> Members:
    """Return the members that were reported for a life, up to its end or an earlier instant."""
    span = story.find_span(life, until=until)
    query = select_mentions(story.subject, span)
    if has_few_mentions(connection, story.subject, span):
        users = [*find_members(connection.execute(query).all())]
        return Members(users[:most], len(users))
    return Members(find_first_members(connection, query, most), None)


def has_few_mentions(connection: sa.Connection, subject: Subject, span: Span) -> bool:
    """Tell whether members can be added up, from an index alone, so regardless of the app."""
    mentions = sa.select(EventMember.event_id).where(
        EventMember.subject_id == subject.id,
        EventMember.occurred_at.between(span[0][0], span[1][0]),
    )
    some = mentions.limit(MOST_MENTIONS + 1).subquery()
    count = connection.scalar(sa.select(sa.func.count()).select_from(some))
    return (count or 0) <= MOST_MENTIONS


def find_first_members(
    connection: sa.Connection, query: sa.Select[str, str], most: int
) -> list[str]:
    """Find the first members among mentions that are too many to examine."""
    some = connection.execute(query.limit(FEW_MENTIONS)).all()
    users = {user_id for user_id, _ in some[-1:]}  # about whom there may be more mentions
    first = [*find_members(one for one in some if one[0] not in users)]
    if len(first) < most:
        first = [*find_members(connection.execute(query.limit(MOST_MENTIONS)).all())]
    return first[:most]


def stream_members(connection: sa.Connection, story: Story, life: Life) -> Generator[str]:
    """Yield all members of a life, as listed by its end, or else as reported."""
    if fetch_listed(connection, life.destroyed_by, most=0).count:
        listed = select_listed(life.destroyed_by)
        with connection.execute(listed, execution_options=STREAMED) as found:
            yield from found.scalars()
        return
    mentions = select_mentions(story.subject, story.find_span(life))
    with connection.execute(mentions, execution_options=STREAMED) as found:
        yield from find_members(found)


def select_listed(event_id: int | None) -> sa.Select[str]:
    """Select the users that an event lists, in Tencent's order."""
    listed = sa.select(EventMember.user_id).where(EventMember.event_id == event_id)
    return listed.order_by(EventMember.position)


def select_mentions(subject: Subject, span: Span) -> sa.Select[str, str]:
    """Select the mentions of users of a subject within a span, user by user, each in order."""
    begun, over = span
    return (
        sa.select(sa.type_coerce(EventMember.user_id, sa.Text), TABLE.c.action)
        .join(TABLE, TABLE.c.id == EventMember.event_id)
        .where(
            EventMember.occurred_at.between(begun[0], over[0]), ~is_before(begun), is_before(over)
        )
        # An event has the same subject as its members. A condition on both would lead to an index
        # that does not have them in order.
        .where(EventMember.subject_id == subject.id)
        .where(TABLE.c.subject_type == subject.type, TABLE.c.sdk_app_id == subject.sdk_app_id)
        .order_by(EventMember.user_id, EventMember.occurred_at, EventMember.event_id)
    )


def find_members(mentions: Iterable[Mention]) -> Iterator[str]:
    """Yield the users that are members after all mentions: their last one is not an exit."""
    for user_id, named in groupby(mentions, key=itemgetter(0)):
        *_, (_, last) = named
        if last != Action.MEMBERS_REMOVED:
            yield unescape_text(user_id)


@dataclass(frozen=True)
class Membership:
    """What is known about one user in a subject.

    Attributes:
        is_member: whether the user is among the ``Members`` of a life.
        steps: the ones that name the user, in all lives, newest first.
    """

    user_id: str
    is_member: bool
    steps: Sequence[Step]


def fetch_membership(
    connection: sa.Connection, story: Story, life: Life, user_id: str, *, members: Members
) -> Membership:
    """Return what is known about a user, possibly one of the ``members`` of a life."""
    rows = select_events(story.subject).join(EventMember, EventMember.event_id == TABLE.c.id)
    rows = rows.where(EventMember.subject_id == story.subject.id, EventMember.user_id == user_id)
    named = connection.execute(rows.order_by(*IN_ORDER)).all()
    steps = [story.find_step(event._asdict()) for event in reversed(named)]
    if members.is_listed:
        is_member = life.destroyed_by in {step.event_id for step in steps}
    else:
        begun, over = story.find_span(life)
        known = [step.action for step in steps if begun <= PLACE(step) < over]
        is_member = known[:1] not in ([], [Action.MEMBERS_REMOVED])
    return Membership(user_id, is_member, steps)
