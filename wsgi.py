"""What gunicorn serves (``receiver``, ``reader``, ``app``), and ``lifecycle.py`` runs.

Each is made on first access, so that a receiver loads nothing of the others.
"""

import logging
import os
from contextlib import ExitStack
from threading import Event
from typing import TYPE_CHECKING, Any

from blueprints.request_id import add_request_id
from config import ReaderSettings, ReceiverSettings
from serving.logs import make_handler

if TYPE_CHECKING:
    from flask import Flask

log_handler = make_handler()
log_handler.addFilter(add_request_id)
logging.basicConfig(level=logging.INFO, handlers=[log_handler])
logging.getLogger("alembic").setLevel(logging.WARNING)  # it logs each plugin that it loads

closing = ExitStack()  # what to do when a server exits


def make_receiver() -> "Flask":
    """Make the app that receives callbacks, and start it."""
    from app import create_receiver

    made = create_receiver(ReceiverSettings.in_use or ReceiverSettings.from_environment())
    made.extensions["receiver"].start()
    closing.callback(made.extensions["receiver"].close)
    return made


def make_reader() -> "Flask":
    """Make the app that serves history."""
    from app import create_reader

    made = create_reader(ReaderSettings.in_use or ReaderSettings.from_environment())
    closing.callback(made.extensions["runtime"].close)
    return made


def make_app() -> Any:
    """Make the app with the commands, or under gunicorn one that serves all on one port."""
    from app import create_commands, join

    # gunicorn sets it; a command that is started from there is not a server.
    if not os.environ.pop("SERVER_SOFTWARE", "").startswith("gunicorn"):
        return create_commands()
    from services.operating.child import keep_recorder

    stop = Event()
    closing.callback(stop.set)  # registered before those of the receiver, so called after them
    receiver, reader = make_receiver(), make_reader()
    keep_recorder(receiver.extensions["receiver"].settings.journal.folders, stop)
    return join(receiver, reader)


MAKERS = {"receiver": make_receiver, "reader": make_reader, "app": make_app}


def __getattr__(name: str) -> Any:
    """Make an app on first access."""
    if name not in MAKERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made = globals()[name] = MAKERS[name]()
    return made
