"""The versions of a subject, each with the difference from the one before."""

from collections.abc import Sequence

import sqlalchemy as sa

from schemas.api.cursor import Position
from schemas.api.page import Order, PageQuery
from services.reading.history import fetch_moments
from services.reading.pages import Page
from services.subjects.events import Subject
from services.subjects.story import Step, fetch_story, find_event


def fetch_versions(connection: sa.Connection, subject: Subject, query: PageQuery) -> Page | None:
    """Return a page of the versions of a subject; none if it has no event.

    Numbers and differences follow from its outline, which is read for each page.

    Raises:
        AmbiguousSubjectError: several apps have a subject with this ID.
        ForeignEventError: the cursor names an event that is not a version of it.
    """
    story = fetch_story(connection, subject)
    if story is None:
        return None
    versions = story.versions[:: -1 if query.filters["order"] is Order.DESC else 1]
    after = None if query.after is None else query.after.id
    page, has_more = cut_page(versions, after=after, limit=query.limit)
    moments = fetch_moments(connection, (step.event_id for step in page))
    items = [
        moments[step.event_id]
        | {"event_id": step.event_id, "life": step.life, "version": step.version}
        | {"changes": step.describe_changes()}
        for step in page
    ]
    last = Position(page[-1].occurred_at, page[-1].event_id) if has_more else None
    return Page(items, last)


def cut_page(
    steps: Sequence[Step], *, after: int | None, limit: int
) -> tuple[Sequence[Step], bool]:
    """Return the steps of one page, and whether more follow.

    The previous page ended with the event ``after``; the first page has none.

    Raises:
        ForeignEventError: no step belongs to the event ``after``.
    """
    start = 0 if after is None else find_event([step.event_id for step in steps], after) + 1
    return steps[start : start + limit], len(steps) > start + limit
