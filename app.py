"""Assemble the service; decide nothing."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Flask, Response
from flask.json.provider import DefaultJSONProvider

from blueprints import (
    callbacks,
    commands,
    console,
    deliveries,
    doctor,
    drift,
    export,
    health,
    history,
    metrics,
    openapi,
    simulate,
    subjects,
)
from blueprints.errors import register_error_handlers
from blueprints.request_body import drain_request
from blueprints.runtime import Runtime, utc_now
from blueprints.subject_ids import SubjectIdConverter, keep_encoded
from config import Settings
from models.session import Database
from models.types import dump_json
from services.keeper import Keeper
from services.quarantine import Quarantine
from services.spool import Spool

BLUEPRINTS = (
    callbacks.bp,
    commands.bp,
    doctor.bp,
    simulate.bp,
    console.bp,
    history.bp,
    drift.bp,
    export.bp,
    deliveries.bp,
    health.bp,
    health.public_bp,
    metrics.bp,
    openapi.bp,
    subjects.bp,
)
POLICY = "Content-Security-Policy"
HEADERS = {
    POLICY: "default-src 'none'; style-src 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

log = logging.getLogger(__name__)


class ReadableJSONProvider(DefaultJSONProvider):
    """Writes text as it is, and members in the order we give them."""

    def dumps(self, obj: Any, **_: Any) -> str:
        """Write JSON."""
        return dump_json(obj)


class Service(Flask):
    """Flask with our way to write JSON, and without coroutines."""

    json_provider_class = ReadableJSONProvider

    def wsgi_app(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer a request; callbacks, which name no ID in their path, are not held up."""
        if environ["REQUEST_METHOD"] != "POST":
            keep_encoded(environ)
        return super().wsgi_app(environ, start_response)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Call every view as it is; to look for coroutines at each request costs time."""
        return func


def create_app(settings: Settings, *, now: Callable[[], datetime] = utc_now) -> Flask:
    """Make the app that ``settings`` describe.

    Args:
        settings: read by the caller, so that one process can hold several apps.
        now: tells the current instant, timezone-aware.
    """
    app = Service("chat_lifecycle_log", static_folder=None)
    database = Database.open(
        settings.database_url, settings.database_read_url, lock_wait=settings.database_deadline
    )
    keeper = Keeper(database.write_engine, Spool(settings.spool_dir), settings.database_deadline)
    quarantine = Quarantine(database.write_engine)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.converters["subject_id"] = SubjectIdConverter
    app.extensions["runtime"] = Runtime(settings, database, keeper, quarantine, now)
    register_error_handlers(app)  # before the console's, which has pages for some of them
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.after_request(drain_request)
    app.after_request(add_headers)
    for sdk_app_id, tokens in settings.sdk_apps.items():
        if not tokens:
            log.warning("SDK_APPS: app %s has no token, so anyone may send for it", sdk_app_id)
    return app


def add_headers(response: Response) -> Response:
    """Tell browsers to run nothing and to guess nothing; a page may have a policy of its own."""
    own = response.headers.get(POLICY)
    response.headers.update(HEADERS)
    if own is not None:
        response.headers[POLICY] = own
    return response
