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
    counts = {name: Counter(map(itemgetter(place), found)) for place, name in enumerate(columns)}
    ranks = {
        name: rank(Counter({read_stored(value): number for value, number in numbers.items()}))
        for name, numbers in counts.items()
    }
    return Facets(len(found), len(found) == MOST_COUNTED, ranks)


def read_stored(value: Any) -> Any:
    """Return the value of a text or number as it is stored."""
    return unescape_text(value) if isinstance(value, str) else value


def sum_up(counts: Iterable[tuple[Any, int]]) -> list[tuple[Any, int]]:
    """Add up the counts of each value, the most frequent first."""
    totals: Counter[Any] = Counter()
    for value, count in counts:
        totals[value] += count
    return rank(totals)


def rank(totals: Counter[Any]) -> list[tuple[Any, int]]:
    """Return values with their counts, the most frequent first, equal ones by their text."""
    values = sorted((one for one in totals if one is not None), key=str)
    if None in totals:
        values.insert(0, None)
    values.sort(key=totals.__getitem__, reverse=True)
    return [(value, totals[value]) for value in values]
