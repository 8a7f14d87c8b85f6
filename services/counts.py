"""Counts that nobody waits long for, however many rows there are."""

import sqlalchemy as sa


def count_up_to(most: int, *conditions: sa.ColumnElement[bool]) -> sa.Select[int]:
    """Select how many rows meet all conditions, up to a number; an index must lead to them."""
    rows = sa.select(sa.literal(1)).where(*conditions).limit(most).subquery()
    return sa.select(sa.func.count()).select_from(rows)
