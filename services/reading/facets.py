"""Count the rows of a list by the values of a few columns, within bounds."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from models.text import unescape_text
from schemas.api.page import Order, PageQuery
from services.reading.pages import Rows, SortKey, select_in_order

MOST_COUNTED = 10_000  # rows of a list, so that a page with counts is as fast as any other


@dataclass(frozen=True)
class Facets:
    """How many rows of a list have each value.

    Attributes:
        total: how many rows were counted.
        is_cut: only the newest were counted; the list may have more.
        counts: by column and value, the most frequent first.
    """

    total: int
    is_cut: bool
    counts: Mapping[str, Sequence[tuple[Any, int]]]


def count_facets(
    connection: sa.Connection,
    alternatives: Sequence[Rows],
    query: PageQuery,
    columns: Sequence[str],
    *,
    sort_key: SortKey,
) -> Facets:
    """Count the newest rows of a list by the columns of these names.

    The alternatives are those of a page: see ``select_in_order``. Among rows of one instant, any
    will do: not every index contains the rest of the sort key.
    """
    filters = {**query.filters, "order": Order.DESC}
    whole = replace(query, filters=filters, after=None, is_backward=False)
    rows = select_in_order(alternatives, whole, sort_key=sort_key[:1], limit=MOST_COUNTED)
    newest = rows.subquery()
    # As stored, and counted here: a database that groups thousands of users, or a type that reads
    # each value, takes longer.
    stored = (sa.type_coerce(newest.c[name], sa.types.NullType()) for name in columns)
    found = connection.execute(sa.select(*stored)).all()
    counts = {}
    for place, name in enumerate(columns):
        stored_counts = Counter(map(itemgetter(place), found))
        counts[name] = sum_up((read_stored(value), one) for value, one in stored_counts.items())
    return Facets(len(found), len(found) == MOST_COUNTED, counts)


def read_stored(value: Any) -> Any:
    """Return the value of a text or number as it is stored."""
    return unescape_text(value) if isinstance(value, str) else value


def sum_up(counts: Iterable[tuple[Any, int]]) -> list[tuple[Any, int]]:
    """Add up the counts of each value, the most frequent first, equal ones by their text."""
    totals: Counter[Any] = Counter()
    for value, count in counts:
        totals[value] += count
    return sorted(totals.items(), key=lambda one: (-one[1], one[0] is not None, str(one[0])))
