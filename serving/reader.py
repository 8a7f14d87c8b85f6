"""How gunicorn serves the reader: ``gunicorn -c serving/reader.py wsgi:reader``."""

import os

from config import ReaderSettings
from serving.banner import show_reader
from serving.common import *  # noqa: F403 (settings of gunicorn)

NICENESS = 10  # where cores are few, readers take no time from callbacks

settings = ReaderSettings.from_environment()

bind = f"{settings.host}:{settings.port}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
threads = 8


def post_fork(_: object, __: object) -> None:
    """Let callbacks go first."""
    os.nice(NICENESS)


def when_ready(_: object) -> None:
    """Say where history is read."""
    show_reader(bind, settings)
