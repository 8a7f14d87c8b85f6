"""When events happened, by whom and where."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from models.event import LifecycleEvent

# In the statement: to bind hundreds of numbers takes a driver longer than to find the rows.
WRITTEN_OUT: Mapping[str, Any] = {"expanding": True, "literal_execute": True}

Moments = Mapping[int, sa.Row[int, datetime, str | None, str | None]]


def fetch_moments(session: Session, event_ids: Iterable[int]) -> Moments:
    """Fetch occurred_at, operator and platform of some events, by ID."""
    query = sa.select(
        LifecycleEvent.id,
        LifecycleEvent.occurred_at,
        LifecycleEvent.operator,
        LifecycleEvent.platform,
    ).where(LifecycleEvent.id.in_(sa.bindparam("event_ids", **WRITTEN_OUT)))
    return {row.id: row for row in session.execute(query, {"event_ids": [*{*event_ids}]})}
