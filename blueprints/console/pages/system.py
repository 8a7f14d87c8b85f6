"""The system pages: what the service depends on, undocumented fields, and last readings."""

import platform
import sqlite3
from collections.abc import Sequence
from importlib.metadata import version

import sqlalchemy as sa
from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints.api.runtime import runtime
from blueprints.console.shell import bp, may_open
from config.release import VERSION
from models.clock import EPOCH
from services.reading.deliveries import fetch_drift
from services.reading.health import fetch_kept, fetch_service_events
from services.reading.pages import Row
from services.reading.readings import fetch_last_readings

NEWEST_EVENTS = 20
LAST_READINGS = 5  # readings that the page of a subject or user shows
PACKAGES = ("flask", "sqlalchemy", "alembic", "marshmallow", "gunicorn")


@bp.get("/drift")
def show_drift() -> ResponseReturnValue:
    """Show the fields and types that were sent but are not documented, new fields first."""
    with runtime().connect() as connection:
        items = fetch_drift(connection)
    differences = [{**item, **one} for item in items for one in item["differences"]]
    return render_template(
        "console/drift.html",
        differences=sorted(differences, key=lambda one: not one["is_new"]),
        documented=[item for item in items if not item["differences"]],
    )


def fetch_ledgers(connection: sa.Connection) -> tuple[Sequence[sa.RowMapping], sa.RowMapping]:
    """Fetch service events, and since when deliveries are kept."""
    return fetch_service_events(connection, newest=NEWEST_EVENTS), fetch_kept(connection)


@bp.get("/system")
def show_system() -> ResponseReturnValue:
    """Show database, journal, processes and releases, even without the database."""
    here = runtime()
    health, found = here.look(fetch_ledgers)
    events, kept = found or ((), {})
    return render_template(
        "console/system.html",
        health=health,
        folders=[folder.resolve() for folder in here.settings.journal_folders],
        events=events,
        kept=kept,
        never=EPOCH,
        now=here.now(),
        releases={
            "Chat Lifecycle Log": VERSION,
            "Python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
            "SQLite": sqlite3.sqlite_version,
        },
    )


def fetch_last_readers(connection: sa.Connection, about: str, wanted: str) -> Sequence[Row]:
    """Fetch the last readings about a subject or user, if the holder may see them."""
    if not may_open("list_readings"):
        return []
    return fetch_last_readings(connection, about, wanted, most=LAST_READINGS)
