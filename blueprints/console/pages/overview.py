"""The first page: what is wrong, what arrives, what happened last."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.api.runtime import runtime
from blueprints.console.shell import bp
from schemas.api.history import HistoryQuerySchema
from services.reading.activity import (
    Counts,
    count_by_hour,
    count_refusals,
    find_ceased,
    find_last,
    find_silence,
)
from services.reading.history import fetch_event_list

NEWEST_EVENTS = "15"
BAR_HEIGHT = 100  # of the highest bar of the chart
LEAST_HEIGHT = 2  # of a part of a bar, so that one of thousands can be seen


@bp.get("/")
def show_overview() -> ResponseReturnValue:
    """Show the problems first, also if the database is one of them."""
    here = runtime()
    health, found = here.look(partial(fetch_activity, now=here.now()))
    return render_template("console/overview.html", health=health, **(found or {"totals": {}}))


def fetch_activity(connection: sa.Connection, *, now: datetime) -> dict[str, Any]:
    """Fetch what arrived, what has stopped arriving, and what happened last."""
    hours = count_by_hour(connection, until=now)
    totals: Counter[str] = Counter()
    for _, counts in hours:
        totals.update(counts)
    last = find_last(connection)
    newest = HistoryQuerySchema().load({"limit": [NEWEST_EVENTS]})
    return {
        "hours": hours,
        "totals": totals,
        "most": max(sum(counts.values()) for _, counts in hours),
        "stack": stack,
        "refusals": count_refusals(connection, until=now),
        "last": last,
        "silence": last and find_silence(connection, last, now=now),
        "ceased": find_ceased(connection, now=now),
        "events": fetch_event_list(connection, newest).items,
    }


def stack(counts: Counts, most: int) -> Sequence[tuple[str, float, float]]:
    """Lay out a bar of the chart from the ground up: each part's word, top and height."""
    parts, top = [], float(BAR_HEIGHT)
    for word, count in counts.items():
        if count:
            height = max(round(BAR_HEIGHT * count / most, 2), LEAST_HEIGHT)
            top = round(top - height, 2)
            parts.append((word, top, height))
    return parts


@bp.get("")
def lead_to_overview() -> ResponseReturnValue:
    """Lead an address without the last slash to the one with it."""
    return redirect(url_for(".show_overview"))
