"""The health page: did the service work, and was anything missed?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints.api.runtime import runtime
from blueprints.console.arguments import read_arguments
from blueprints.console.chart import choose_width, fetch_chart
from blueprints.console.shell import bp
from blueprints.console.status import know_until, read_status
from blueprints.console.strip import find_first, lay_out_days
from models.clock import EPOCH, HOUR, MINUTE, to_hour
from schemas.api.health import RANGES, HealthQuerySchema
from services.watching.incidents import Incident, fetch_account

NEWEST_INCIDENTS = 50
LONGEST = max(RANGES.values())


@dataclass(frozen=True)
class Period:
    """A period to look at.

    Attributes:
        is_asked: whether it was requested by its begin or end, not as the last hours or days.
    """

    since: datetime
    until: datetime
    is_asked: bool = False

    def select(self, incidents: Sequence[Incident]) -> Sequence[Incident]:
        """Select the incidents that overlap it."""
        return [one for one in incidents if one.until > self.since and one.since < self.until]


@bp.get("/health")
def show_health() -> ResponseReturnValue:
    """Show what happened to callbacks in a period, and by hour for 90 days."""
    here, filters = runtime(), HealthQuerySchema().load(read_arguments())
    now, app = here.now(), filters.get("sdk_app_id")
    period, first, known_until = choose_period(filters, now), find_first(now), know_until()
    with here.connect() as connection:
        account = asked = fetch_account(connection, first, max(known_until, first), sdk_app_id=app)
        if period.since < first:
            end = min(period.until + LONGEST, now)
            asked = fetch_account(connection, period.since, end, sdk_app_id=app)
        within = period.select(asked.incidents)
        chart = fetch_chart(
            connection, period.since, period.until, sdk_app_id=app, incidents=within
        )
    incidents = within if period.is_asked else account.incidents
    return render_template(
        "console/health.html",
        standing=read_status(),
        filters=filters,
        period=period,
        incidents=incidents[:NEWEST_INCIDENTS],
        unknown_since=known_until if period.until - known_until > MINUTE else None,
        is_known=account.first_hour is not None and to_hour(period.until) >= account.first_hour,
        more=len(incidents) - NEWEST_INCIDENTS,
        chart=chart,
        ranges=RANGES,
        days=[*lay_out_days(account, first, now, known_until=known_until)],
    )


def choose_period(filters: Mapping[str, Any], now: datetime) -> Period:
    """Choose the requested period, limited to the past and in length, or else the last one."""
    if not {"since", "until"} & filters.keys():
        span = RANGES[filters["range"]]
        unit = MINUTE if choose_width(span) < HOUR else HOUR
        until = now + unit - (now - EPOCH) % unit
        return Period(until - span, until)
    until = max(min(filters.get("until", now), now), EPOCH + LONGEST)
    since = max(filters.get("since", until - RANGES["24h"]), until - LONGEST)
    return Period(min(since, until - MINUTE), until, is_asked=True)
