"""How gunicorn serves all on one port: ``gunicorn wsgi:app`` finds this by its name."""

import os

from config import ReaderSettings, ReceiverSettings
from serving.banner import show_reader, show_receiver
from serving.common import *  # noqa: F403 (settings of gunicorn)

reader_settings = ReaderSettings.from_environment()

bind = f"{reader_settings.host}:{ReceiverSettings.from_environment().port}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
threads = 16


def when_ready(_: object) -> None:
    """Say where to go."""
    show_receiver(bind)
    show_reader(bind, reader_settings)
