"""The overview: problems, traffic, the last events, and the way to the first of them."""

from collections import Counter
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.api.runtime import runtime
from blueprints.console.arguments import read_arguments
from blueprints.console.chart import fetch_chart
from blueprints.console.pages.health import Period, choose_period
from blueprints.console.shell import bp
from blueprints.console.status import fetch_present_arrivals, keep_status, know_until
from models.vocabulary import SubjectType
from schemas.api.health import RANGES, HealthQuerySchema
from schemas.api.page import Order, PageQuery
from services.lists.effects import fetch_events_with_effects
from services.lists.subjects import count_all_subjects
from services.reading.deliveries import fetch_first
from services.watching.activity import find_ceased
from services.watching.incidents import fetch_account

NEWEST_EVENTS = PageQuery({"order": Order.DESC}, 15)


@bp.get("/")
def show_overview() -> ResponseReturnValue:
    """Show the problems first, even if the database is one of them."""
    here = runtime()
    filters = HealthQuerySchema(only=["range"]).load(read_arguments())
    period = choose_period(filters, here.now())
    health, found = here.look(partial(fetch_activity, period=period))
    return render_template(
        "console/overview.html",
        standing=keep_status(health.database, found["arrivals"] if found else None),
        filters=filters,
        ranges=RANGES,
        **(found or {}),
    )


def fetch_activity(connection: sa.Connection, *, period: Period) -> dict[str, Any]:
    """Fetch what arrived, what has stopped arriving, and the last events."""
    account = fetch_account(connection, period.since, max(know_until(), period.since))
    events = fetch_events_with_effects(connection, NEWEST_EVENTS).items
    return {
        "arrivals": fetch_present_arrivals(connection),
        "chart": fetch_chart(connection, period.since, period.until, incidents=account.incidents),
        "ceased": find_ceased(connection, now=runtime().now()),
        "subjects": count_active(connection),
        "events": events,
    }


def count_active(connection: sa.Connection) -> dict[SubjectType, tuple[int, int]]:
    """Count the channels and groups, active and in total."""
    numbers = Counter[tuple[str, str]]()
    for (_, kind, status), number in count_all_subjects(connection).items():
        numbers[kind, status] += number
        numbers[kind, "any"] += number
    return {kind: (numbers[kind, "active"], numbers[kind, "any"]) for kind in SubjectType}


@bp.get("")
def lead_to_overview() -> ResponseReturnValue:
    """Redirect an address without the final slash to the one with it."""
    return redirect(url_for(".show_overview"))


@bp.app_template_global()
def address_receiver() -> str:
    """Return the address at which the receiver takes callbacks on its own machine."""
    return f"http://127.0.0.1:{runtime().settings.receiver_port}/callback"


@bp.get("/first")
def show_first() -> ResponseReturnValue:
    """Show, as part of a page, what was refused so far; redirect once a callback has arrived."""
    with runtime().connect() as connection:
        delivery_id, refused = fetch_first(connection)
    if delivery_id is not None:
        return redirect(url_for(".show_overview"))
    return render_template("console/first.html", refused=refused)
