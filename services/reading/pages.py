"""Keyset pages: no page gets slower than the first, and none skips or repeats a row."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate
from typing import Any, Generic

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from schemas.api.cursor import AnyPosition, Position
from schemas.api.page import ListQuery, Order, PageQuery

Row = dict[str, Any]
Rows = sa.Select[Any]
# Bound one by one, hundreds of IDs take a driver longer than the database takes to find the rows.
IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True, literal_execute=True)
MOST_BYTES = 512 * 1024  # of the bodies that a page shows, or that an export holds at a time
SIZE = "body_size"  # of such a body, in bytes
ROWS_AT_ONCE = 500  # of an export
SortKey = tuple[InstrumentedAttribute[datetime], InstrumentedAttribute[int]]


@dataclass(frozen=True)
class ListPage(Generic[AnyPosition]):
    """Rows of one page by column name, and where the next one starts, if there is one."""

    items: Sequence[Row]
    next: AnyPosition | None


Page = ListPage[Position]


def keep_equal(rows: Rows, query: PageQuery, *columns: InstrumentedAttribute[Any]) -> Rows:
    """Keep the rows that equal each filter given by the name of one of these columns."""
    given = [column for column in columns if column.key in query.filters]
    return rows.where(*(column == query.filters[column.key] for column in given))


def fetch_row(connection: sa.Connection, query: Rows) -> Row | None:
    """Return the one row that a query selects, by column name, or none."""
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)


def fetch_page(
    connection: sa.Connection, alternatives: Sequence[Rows], query: PageQuery, *, sort_key: SortKey
) -> Page:
    """Return the ``query.limit`` rows that follow ``query.after``; see ``select_in_order``.

    Of rows that have a ``SIZE``, no more than ``cut_to_fit`` keeps.
    """
    # One more tells whether a next page exists, without counting.
    rows = select_in_order(alternatives, query, sort_key=sort_key, limit=query.limit + 1)
    found = connection.execute(rows).mappings().all()
    items = [dict(row) for row in cut_to_fit(found)[: query.limit]]
    if len(found) == len(items):
        return Page(items, None)
    at, row_id = sort_key
    return Page(items, Position(items[-1][at.key], items[-1][row_id.key]))


def stream_pages(
    fetch: Callable[[ListQuery[AnyPosition]], ListPage[AnyPosition]], query: ListQuery[AnyPosition]
) -> Generator[Row]:
    """Yield the rows of all pages that ``fetch`` gives; in one transaction, those of one moment."""
    limit = ROWS_AT_ONCE
    while True:
        page = fetch(replace(query, limit=limit))
        yield from page.items
        if page.next is None:
            return
        query = replace(query, after=page.next)
        # What does not fit is looked at in vain; a page of subjects may be empty.
        limit = min(2 * len(page.items) or ROWS_AT_ONCE, ROWS_AT_ONCE)


def cut_to_fit(rows: Sequence[sa.RowMapping]) -> Sequence[sa.RowMapping]:
    """Return the first rows whose sizes add up to ``MOST_BYTES`` at most; at least one, if any."""
    totals = accumulate(row.get(SIZE) or 0 for row in rows)
    return rows[: max(1, sum(total <= MOST_BYTES for total in totals))]


def select_in_order(
    alternatives: Sequence[Rows], query: PageQuery, *, sort_key: SortKey, limit: int | None = None
) -> Rows:
    """Select the rows that follow ``query.after``, in order, within its bounds in time.

    Each alternative selects rows that no other does. Several are merged, each read no further than
    the limit: an index orders the rows of one value, not those of several. It must lead to the sort
    key, the instant and the ID of a row.
    """

    def put_in_order(rows: Rows, columns: Iterable[Any]) -> Rows:
        is_down = query.filters["order"] is Order.DESC
        return rows.order_by(*(one.desc() if is_down else one.asc() for one in columns))

    within = [*bound(query, *sort_key)]
    ordered = [put_in_order(rows.where(*within), sort_key).limit(limit) for rows in alternatives]
    if len(ordered) == 1:
        return ordered[0]
    merged = sa.union_all(*(sa.select(rows.subquery()) for rows in ordered)).subquery()
    columns = (merged.c[column.key] for column in sort_key)
    return put_in_order(sa.select(merged), columns).limit(limit)


def bound(
    query: PageQuery, at: InstrumentedAttribute[datetime], row_id: InstrumentedAttribute[int]
) -> Iterator[sa.ColumnElement[bool]]:
    """Yield the conditions for rows to be within the bounds in time, and to follow ``after``."""
    if "since" in query.filters:
        yield at >= query.filters["since"]
    if "until" in query.filters:
        yield at < query.filters["until"]
    if query.after is not None:
        here, there = sa.tuple_(at, row_id), sa.tuple_(*query.after)
        is_down = query.filters["order"] is Order.DESC
        yield here < there if is_down else here > there
        # By itself as well: MariaDB finds no range in a comparison of rows.
        yield at <= query.after.at if is_down else at >= query.after.at
