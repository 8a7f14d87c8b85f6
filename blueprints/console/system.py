"""What the service stands on, and where what it is sent differs from what is documented."""

import platform
import sqlite3
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from blueprints.api.errors import on_database_error
from blueprints.api.runtime import runtime
from blueprints.console.shell import bp
from services.reading.deliveries import fetch_drift
from services.reading.health import check_health, fetch_service_events

NEWEST_EVENTS = 20
PACKAGES = ("flask", "sqlalchemy", "alembic", "marshmallow", "gunicorn")


@bp.get("/drift")
def show_drift() -> ResponseReturnValue:
    """Show which fields and types were sent that the schemas don't know, and which are missing."""
    with runtime().connect() as connection:
        items = fetch_drift(connection)
    return render_template("console/drift.html", items=items)


@bp.get("/system")
def show_system() -> ResponseReturnValue:
    """Show database, journal, processes and releases; the database need not be there."""
    here = runtime()
    folders, now = here.settings.journal_folders, here.now()
    health = check_health(here.engine, folders, now=now)
    events: Sequence[Any] = ()
    try:
        if health.database.reachable:
            with here.connect() as connection:
                events = fetch_service_events(connection, newest=NEWEST_EVENTS)
    except SQLAlchemyError as error:
        on_database_error(error)
    return render_template(
        "console/system.html",
        health=health,
        folders=[folder.resolve() for folder in folders],
        events=events,
        now=now,
        releases={
            "Python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
            "SQLite": sqlite3.sqlite_version,
        },
    )
