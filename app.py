"""Assemble the processes; decide nothing."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from flask import Flask

from blueprints.proxies import TrustedProxies
from config import ReaderSettings, ReceiverSettings
from models.clock import utc_now

# Imports are inside the functions, so the receiver loads nothing of the reader, such as SQLAlchemy.


def create_receiver(settings: ReceiverSettings, *, now: Callable[[], datetime] = utc_now) -> Flask:
    """Make the app that receives callbacks; ``app.extensions["receiver"]`` starts and ends it."""
    from blueprints import callbacks, probes
    from blueprints.door import Door
    from blueprints.failures import register_failures
    from services.receiving.receiver import Receiver

    app = Flask("receiver", static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = app.url_map.strict_slashes = False  # a redirect loses callbacks
    here = app.extensions["receiver"] = Receiver(settings, now)
    door = app.wsgi_app = Door(app.wsgi_app, here)  # type: ignore[method-assign]
    if settings.trusted_proxies:
        app.wsgi_app = TrustedProxies(door, settings.trusted_proxies)  # type: ignore[method-assign]
    register_failures(app)
    app.register_blueprint(callbacks.bp)
    app.register_blueprint(probes.bp)
    return app


def create_reader(settings: ReaderSettings, *, now: Callable[[], datetime] = utc_now) -> Flask:
    """Make the app that serves history."""
    from blueprints import api, console, docs
    from blueprints.api.runtime import Runtime

    app = api.ReaderApp("reader", static_folder=None)
    app.wsgi_app = trust(app.wsgi_app, settings)  # type: ignore[method-assign]
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False  # a redirect would lead wherever the Host header says
    app.extensions["runtime"] = Runtime(settings, now)
    api.register(app)
    app.register_blueprint(docs.bp)
    app.register_blueprint(console.bp)
    return app


def create_commands() -> Flask:
    """Make the app that has the commands; it serves nothing."""
    from blueprints.commands import prepare_streams
    from blueprints.commands.registry import bp, name_program

    prepare_streams()
    app = Flask("commands", static_folder=None)
    app.register_blueprint(bp)
    name_program(app.cli)
    return app


def join(receiver: Flask, reader: Flask) -> Callable[..., Iterable[bytes]]:
    """Serve receiver and reader on one port."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Let the receiver answer POST requests, except forms of the console."""
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        is_callback = method == "POST" and not path.startswith("/console/")
        part = receiver if is_callback or path == "/callback" else reader
        return part(environ, start_response)

    return trust(answer, reader.extensions["runtime"].settings)


def trust(answer: Callable[..., Iterable[bytes]], settings: ReaderSettings) -> TrustedProxies:
    """Believe the proxies that a reader trusts, also about the users they have signed in."""
    return TrustedProxies(answer, settings.trusted_proxies, settings.sign_in_header)
