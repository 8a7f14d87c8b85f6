"""The versions of a subject, each with the difference from the one before."""

import sqlalchemy as sa

from schemas.api.page import Order, PageQuery
from services.reading.history import fetch_moments
from services.reading.pages import Page
from services.subjects.events import Subject
from services.subjects.story import fetch_story, find_event

CHANGE = ("field", "old", "new")


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
    ids = [step.event_id for step in versions]
    start = 0 if query.after is None else find_event(ids, query.after[1]) + 1
    page = versions[start : start + query.limit]
    moments = fetch_moments(connection, ids[start : start + query.limit])
    items = [
        moments[step.event_id]
        | {"event_id": step.event_id, "life": step.life, "version": step.version}
        | {"changes": [dict(zip(CHANGE, one, strict=True)) for one in step.changes]}
        for step in page
    ]
    has_more = len(versions) > start + query.limit
    last = (page[-1].occurred_at, page[-1].event_id) if has_more else None
    return Page(items, last)
