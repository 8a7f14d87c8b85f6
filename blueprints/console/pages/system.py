"""What the service stands on, and where what it is sent differs from what is documented."""

import platform
import sqlite3
from functools import partial
from importlib.metadata import version

from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints.api.runtime import runtime
from blueprints.console.shell import bp
from services.reading.deliveries import fetch_drift
from services.reading.health import fetch_service_events

NEWEST_EVENTS = 20
PACKAGES = ("flask", "sqlalchemy", "alembic", "marshmallow", "gunicorn")


@bp.get("/drift")
def show_drift() -> ResponseReturnValue:
    """Show which fields and types were sent that Tencent does not document, new fields first."""
    with runtime().connect() as connection:
        items = fetch_drift(connection)
    differences = [{**item, **one} for item in items for one in item["differences"]]
    return render_template(
        "console/drift.html",
        differences=sorted(differences, key=lambda one: not one["is_new"]),
        documented=[item for item in items if not item["differences"]],
    )


@bp.get("/system")
def show_system() -> ResponseReturnValue:
    """Show database, journal, processes and releases; the database need not be there."""
    here = runtime()
    health, events = here.look(partial(fetch_service_events, newest=NEWEST_EVENTS))
    return render_template(
        "console/system.html",
        health=health,
        folders=[folder.resolve() for folder in here.settings.journal_folders],
        events=events,
        now=here.now(),
        releases={
            "Python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
            "SQLite": sqlite3.sqlite_version,
        },
    )
