"""All events that pass a filter, in as much memory as one page takes."""

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy.orm import Session

from schemas.page import MAX_LIMIT, PageQuery
from services.history import fetch_history
from services.pages import Row


def stream_history(session: Session, query: PageQuery) -> Iterator[Row]:
    """Give the events of all pages, one after the other.

    Pages rather than one long result: they are served by the same indexes as ``/history``, hold no
    snapshot open that keeps the database from cleaning up, and cost the same memory with every
    driver, some of which fetch a result as a whole.
    """
    query = replace(query, limit=MAX_LIMIT)
    while True:
        page = fetch_history(session, query)
        session.rollback()  # lets go of what the page saw
        yield from page.items
        if page.next is None:
            return
        query = replace(query, after=page.next)
