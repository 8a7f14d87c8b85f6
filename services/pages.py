"""Keyset pages: no page gets slower than the first, and none skips or repeats a row."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from schemas.cursor import Position
from schemas.page import Order, PageQuery

Row = dict[str, Any]
Rows = sa.Select[Any]
SortKey = tuple[InstrumentedAttribute[datetime], InstrumentedAttribute[int]]


@dataclass(frozen=True)
class Page:
    """Rows of one page by column name, and where the next one starts, if there is one."""

    items: Sequence[Row]
    next: Position | None


def keep_equal(rows: Rows, query: PageQuery, *columns: InstrumentedAttribute[Any]) -> Rows:
    """Keep the rows that equal each filter given by the name of one of these columns."""
    for column in columns:
        if column.key in query.filters:
            rows = rows.where(column == query.filters[column.key])
    return rows


def fetch_row(session: Session, query: Rows) -> Row | None:
    """Fetch the one row that a query selects, by column name, or none."""
    row = session.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)


def select_all(alternatives: Sequence[Rows], query: PageQuery, *, sort_key: SortKey) -> Rows:
    """Select the rows of all pages in order; see ``fetch_page``."""
    ordered = [put_in_order(rows, query, sort_key) for rows in alternatives]
    return merge(ordered, query, sort_key)


def fetch_page(
    session: Session, alternatives: Sequence[Rows], query: PageQuery, *, sort_key: SortKey
) -> Page:
    """Fetch the rows of ``query.limit`` places after ``query.after``.

    One row beyond the page is read, to learn whether a next page exists without counting.

    Args:
        session: any session that may read.
        alternatives: each selects rows that no other does. More than one are merged, each read
            no further than the page: an index orders the rows of one value, not those of several.
        query: direction, size and start of the page, and its bounds in time.
        sort_key: the instant and the ID that order the rows; an index must lead to them.
    """
    pages = [limit_page(rows, query, sort_key) for rows in alternatives]
    page = merge(pages, query, sort_key).limit(query.limit + 1)
    found = session.execute(page).mappings().all()
    items = [dict(row) for row in found[: query.limit]]
    if len(found) <= query.limit:
        return Page(items, None)
    at, row_id = sort_key
    return Page(items, Position(items[-1][at.key], items[-1][row_id.key]))


def limit_page(rows: Rows, query: PageQuery, sort_key: SortKey) -> Rows:
    """Bound, order and limit rows.

    The instant is bounded by itself as well: MariaDB finds no range in a comparison of rows.
    """
    at, row_id = sort_key
    if query.after is not None:
        here, there = sa.tuple_(at, row_id), sa.tuple_(query.after.at, query.after.id)
        if query.order is Order.DESC:
            rows = rows.where(at <= query.after.at, here < there)
        else:
            rows = rows.where(at >= query.after.at, here > there)
    return put_in_order(rows, query, sort_key).limit(query.limit + 1)


def put_in_order(rows: Rows, query: PageQuery, sort_key: SortKey) -> Rows:
    """Keep what is within the query's bounds in time, and order it."""
    at, _ = sort_key
    if "since" in query.filters:
        rows = rows.where(at >= query.filters["since"])
    if "until" in query.filters:
        rows = rows.where(at < query.filters["until"])
    return rows.order_by(*in_order(query, sort_key))


def merge(ordered: Sequence[Rows], query: PageQuery, sort_key: SortKey) -> Rows:
    """Put rows that are in order each by themselves in order altogether."""
    if len(ordered) == 1:
        return ordered[0]
    merged = sa.union_all(*(sa.select(rows.subquery()) for rows in ordered)).subquery()
    columns = [merged.c[column.key] for column in sort_key]
    return sa.select(merged).order_by(*in_order(query, columns))


def in_order(query: PageQuery, sort_key: Iterable[Any]) -> list[sa.UnaryExpression[Any]]:
    """Order by instant, then ID."""
    return [column.desc() if query.order is Order.DESC else column.asc() for column in sort_key]
