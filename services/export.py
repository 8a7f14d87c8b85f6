"""All events that pass a filter, in as much memory as a few hundred take."""

from collections.abc import Generator
from dataclasses import replace

from sqlalchemy.orm import Session

from schemas.page import PageQuery
from services.history import fetch_history, select_events
from services.members import add_members
from services.pages import Row, select_all

ROWS = 500  # in memory at a time


def stream_history(session: Session, query: PageQuery) -> Generator[Row]:
    """Give all events, from a server-side cursor: as they are at one moment.

    MariaDB and MySQL give them page by page. Their driver's unbuffered cursor can't stop what it
    has begun, nor ask for members meanwhile, and without a limit the server may sort all rows.
    """
    paged = session.get_bind().dialect.name == "mysql"
    return stream_pages(session, query) if paged else stream_rows(session, query)


def stream_rows(session: Session, query: PageQuery) -> Generator[Row]:
    """Read one result, some rows at a time."""
    alternatives, sort_key = select_events(query)
    events = select_all(alternatives, query, sort_key=sort_key)
    with session.execute(events, execution_options={"yield_per": ROWS}) as found:
        for rows in found.mappings().partitions():
            some = [dict(row) for row in rows]
            add_members(session, some)
            yield from some


def stream_pages(session: Session, query: PageQuery) -> Generator[Row]:
    """Read page after page; the connection is free between two."""
    query = replace(query, limit=ROWS)
    while True:
        page = fetch_history(session, query)
        session.rollback()
        yield from page.items
        if page.next is None:
            return
        query = replace(query, after=page.next)
