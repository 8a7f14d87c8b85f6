"""When events happened, by whom and where."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from models.event import LifecycleEvent

Moments = Mapping[int | None, sa.Row[int, datetime, str | None, str | None]]


def fetch_moments(session: Session, event_ids: Iterable[int | None]) -> Moments:
    """Fetch occurred_at, operator and platform of some events, by ID."""
    query = sa.select(
        LifecycleEvent.id,
        LifecycleEvent.occurred_at,
        LifecycleEvent.operator,
        LifecycleEvent.platform,
    ).where(LifecycleEvent.id.in_({*event_ids} - {None}))
    return {row.id: row for row in session.execute(query)}
