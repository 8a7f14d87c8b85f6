"""What the service stands on, and where what it is sent differs from what is documented."""

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path

from flask import render_template, request
from flask.typing import ResponseReturnValue

from blueprints.console.shell import bp
from blueprints.runtime import runtime
from services.drift import find_drift
from services.health import check_databases, check_spool

COMPARED = 100  # deliveries of a command
PACKAGES = ("flask", "sqlalchemy", "alembic", "marshmallow", "gunicorn")


@bp.get("/drift")
def show_drift() -> ResponseReturnValue:
    """Show which fields and types were sent that the schemas don't know, and which are missing."""
    with runtime().database.reads() as session:
        items = find_drift(session, newest=COMPARED)
    return render_template("console/drift.html", items=items, compared=COMPARED)


@bp.get("/system")
def show_system() -> ResponseReturnValue:
    """Show databases, spool, processes and releases; the database need not be there."""
    here = runtime()
    return render_template(
        "console/system.html",
        databases=check_databases(here.database, here.keeper.breaker),
        spool=check_spool(here.keeper.spool, now=here.now()),
        spool_dir=here.settings.spool_dir.resolve(),
        workers=list_workers(),
        worker=os.getpid(),
        settings=here.settings,
        now=here.now(),
        releases={
            "Python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
            "SQLite": sqlite3.sqlite_version,
        },
    )


def list_workers() -> list[int]:
    """List the processes that serve: the children of gunicorn, where the system tells."""
    parent = os.getppid()
    if not request.environ.get("SERVER_SOFTWARE", "").startswith("gunicorn"):
        return [os.getpid()]
    try:
        listed = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    except OSError:
        return [os.getpid()]
    return sorted(map(int, listed.split()))
