"""Count what a list holds by the values of a few columns, within bounds."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from schemas.api.page import Order, PageQuery
from services.reading.pages import Rows, SortKey, select_in_order

MOST_COUNTED = 10_000  # rows of a list, so that a page that shows counts is as fast as another


@dataclass(frozen=True)
class Facets:
    """How many rows of a list have which values.

    Attributes:
        total: the rows that were counted.
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
    """Count the newest rows of a list by their columns of these names.

    The alternatives are those of a page: see ``select_in_order``.
    """
    filters = {**query.filters, "order": Order.DESC}
    whole = replace(query, filters=filters, after=None, is_backward=False)
    rows = select_in_order(alternatives, whole, sort_key=sort_key, limit=MOST_COUNTED)
    newest = rows.subquery()
    values = [newest.c[name] for name in columns]
    found = connection.execute(sa.select(sa.func.count(), *values).group_by(*values)).all()
    total = sum(row[0] for row in found)
    return Facets(
        total,
        total == MOST_COUNTED,
        {
            name: sum_up((row[place], row[0]) for row in found)
            for place, name in enumerate(columns, 1)
        },
    )


def sum_up(counts: Iterable[tuple[Any, int]]) -> list[tuple[Any, int]]:
    """Add up the counts of each value, the most frequent first."""
    totals: Counter[Any] = Counter()
    for value, count in counts:
        totals[value] += count
    return sorted(totals.items(), key=lambda one: (-one[1], one[0] or ""))
