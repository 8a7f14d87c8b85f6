"""Keyset pages: no page gets slower than the first, and none skips or repeats a row."""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.elements import KeyedColumnElement

from schemas.api.cursor import Position
from schemas.api.page import Order, PageQuery

Row = dict[str, Any]
Rows = sa.Select[Any]
# To bind hundreds of IDs one by one takes a driver longer than the database needs to find the rows.
IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True, literal_execute=True)
MOST_BYTES = 512 * 1024  # of the bodies that a page shows, or that an export holds at a time
SIZE = "body_size"  # of such a body, in bytes
ROWS_AT_ONCE = 500  # of an export
AnyRow = TypeVar("AnyRow", bound=Mapping[Any, Any])
Column = InstrumentedAttribute[Any] | KeyedColumnElement[Any]
# In a list by time, the instant and the ID of a row; no two rows have the same position.
SortKey = Sequence[Column]


@dataclass(frozen=True)
class Page:
    """The rows of one page by column name, and where its neighbours start, if any.

    Attributes:
        next: where the page after this one continues.
        previous: where the page before this one goes back from.
    """

    items: Sequence[Row]
    next: Position | None
    previous: Position | None = None


def keep_equal(rows: Rows, query: PageQuery, *columns: Column) -> Rows:
    """Keep the rows that equal every filter that is named after one of these columns."""
    given = [column for column in columns if column.key in query.filters]
    return rows.where(*(column == query.filters[column.key] for column in given))


def fetch_row(connection: sa.Connection, query: Rows) -> Row | None:
    """Return the one row that a query selects, by column name, or none."""
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)


def fetch_by_id(connection: sa.Connection, rows: Rows, ids: Collection[int]) -> dict[int, Row]:
    """Return the rows that have one of these IDs, by ID."""
    query = rows.where(rows.selected_columns["id"].in_(IDS))
    found = connection.execute(query, {"ids": [*ids]}).mappings()
    return {row["id"]: dict(row) for row in found}


def fetch_whole(connection: sa.Connection, places: Page, rows: Rows) -> Page:
    """Return a page of rows whose IDs were fetched alone."""
    found = fetch_by_id(connection, rows, [place["id"] for place in places.items])
    return replace(places, items=[found[place["id"]] for place in places.items])


def fetch_page(
    connection: sa.Connection,
    alternatives: Sequence[Rows],
    query: PageQuery,
    *,
    sort_key: SortKey,
) -> Page:
    """Return the ``query.limit`` rows that follow ``query.after``; see ``select_in_order``.

    Rows that have a ``SIZE`` are cut by ``cut_to_fit``.
    """
    # One more row tells whether a next page exists, without counting.
    rows = select_in_order(alternatives, query, sort_key=sort_key, limit=query.limit + 1)
    found = connection.execute(rows).mappings().all()
    items = [dict(row) for row in cut_to_fit(found)[: query.limit]]
    return place_page(items, query, sort_key=sort_key, has_more=len(found) > len(items))


def place_page(items: list[Row], query: PageQuery, *, sort_key: SortKey, has_more: bool) -> Page:
    """Return a page of rows, read in the direction of the query, in the order of the list."""
    if not items:
        return Page(items, None)
    rows = items[::-1] if query.is_backward else items
    ends = (rows[0], rows[-1])
    first, last = (tuple(row[column.key] for column in sort_key) for row in ends)
    has_previous = has_more if query.is_backward else query.after is not None
    has_next = has_more or query.is_backward  # which comes from there
    return Page(rows, last if has_next else None, first if has_previous else None)


def stream_pages(fetch: Callable[[PageQuery], Page], query: PageQuery) -> Generator[Row]:
    """Yield the rows of all pages that ``fetch`` returns; one transaction shows one moment."""
    limit = ROWS_AT_ONCE
    while True:
        page = fetch(replace(query, limit=limit))
        yield from page.items
        if page.next is None:
            return
        query = replace(query, after=page.next)
        limit = min(2 * len(page.items), ROWS_AT_ONCE)  # rows that do not fit are read in vain


def cut_to_fit(rows: Sequence[AnyRow]) -> Sequence[AnyRow]:
    """Return the first rows whose sizes add up to ``MOST_BYTES`` at most; at least one, if any."""
    totals = accumulate(row.get(SIZE) or 0 for row in rows)
    return rows[: max(1, sum(total <= MOST_BYTES for total in totals))]


def select_in_order(
    alternatives: Sequence[Rows],
    query: PageQuery,
    *,
    sort_key: SortKey,
    limit: int | None = None,
) -> Rows:
    """Select the rows that follow ``query.after``, in order, within its bounds in time.

    Each alternative selects rows that no other does. Several are merged, each read no further than
    the limit: an index orders the rows of one value, not of several. It must end in the sort key.
    """

    def put_in_order(rows: Rows, columns: Iterable[Any]) -> Rows:
        is_down = runs_down(query)
        return rows.order_by(*(one.desc() if is_down else one.asc() for one in columns))

    within = [*bound(query, sort_key)]
    ordered = [put_in_order(rows.where(*within), sort_key).limit(limit) for rows in alternatives]
    if len(ordered) == 1:
        return ordered[0]
    merged = sa.union_all(*(sa.select(rows.subquery()) for rows in ordered)).subquery()
    columns = (merged.c[column.key] for column in sort_key)
    return put_in_order(sa.select(merged), columns).limit(limit)


def bound(query: PageQuery, sort_key: SortKey) -> Iterator[sa.ColumnElement[bool]]:
    """Yield the conditions for rows that are within the bounds in time and follow ``after``."""
    at = sort_key[0]
    if "since" in query.filters:
        yield at >= query.filters["since"]
    if "until" in query.filters:
        yield at < query.filters["until"]
    if query.after is not None:
        here, is_down = sa.tuple_(*sort_key), runs_down(query)
        there = sa.tuple_(*query.after, types=[column.type for column in sort_key])
        yield here < there if is_down else here > there
        # Separately as well: MariaDB finds no range in a comparison of rows.
        yield at <= query.after[0] if is_down else at >= query.after[0]


def runs_down(query: PageQuery) -> bool:
    """Tell whether rows are read from the newest on."""
    return (query.filters["order"] is Order.DESC) is not query.is_backward
