"""How gunicorn serves the reader: ``gunicorn -c serving/reader.py wsgi:reader``."""

import os
from typing import Any

from config import ReaderSettings
from serving.banner import show_reader
from serving.common import *  # noqa: F403 (settings of gunicorn)

NICENESS = 10  # on few cores, readers take no time from callbacks

settings = ReaderSettings.of_server()

bind = f"{settings.host}:{settings.port}"
worker_class = "gthread"
workers = settings.workers or 2
threads = 8
# The maximum: a cursor may hold a long ID, a search a long text.
limit_request_line = 8190


def post_fork(_: object, __: object) -> None:
    """Give callbacks priority."""
    os.nice(NICENESS)


def when_ready(server: Any) -> None:
    """Print where to read the history."""
    show_reader(server, settings)
