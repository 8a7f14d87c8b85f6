"""How gunicorn serves all on one port: ``gunicorn wsgi:app`` finds this file by its name."""

from typing import Any

from config import ReaderSettings, ReceiverSettings
from serving.banner import show_reader, show_receiver
from serving.common import *  # noqa: F403 (settings of gunicorn)

reader_settings = ReaderSettings.of_server()

bind = f"{reader_settings.host}:{ReceiverSettings.of_server().port}"
worker_class = "gthread"
workers = reader_settings.workers or 2
threads = 16


def when_ready(server: Any) -> None:
    """Print where to go."""
    show_receiver(server)
    show_reader(server, reader_settings)
