"""How gunicorn serves the receiver: ``gunicorn -c serving/receiver.py wsgi:receiver``."""

import os
import sys
from typing import Any

from config import ReceiverSettings
from services.journal.folder import find_fault
from serving.banner import show_receiver
from serving.common import *  # noqa: F403 (settings of gunicorn)

# The flushing thread waits this long, twice for each flush, for the event loop to yield.
SWITCH_SECONDS = 0.0005

is_start = ReceiverSettings.in_use is None
settings = ReceiverSettings.of_server()
faults = {folder: find_fault(folder) for folder in settings.journal.folders}
if is_start and all(faults.values()):
    reasons = "; ".join(f"{folder}: {fault}" for folder, fault in faults.items())
    raise SystemExit(f"JOURNAL_DIR: no folder can be written to: {reasons}")

bind = f"{settings.host}:{settings.port}"
worker_class = "gevent"
# Measured on two cores: with a second process, a fifth more throughput, equally fast at half load.
workers = settings.workers or os.cpu_count() or 1
worker_connections = 10_000  # of a worker; a slow one costs memory, and blocks no other
graceful_timeout = 2  # seconds; idle connections that are kept open must not hold up a stop


def when_ready(server: Any) -> None:
    """Print where callbacks go."""
    show_receiver(server)


def post_fork(_: object, __: object) -> None:
    """Keep answers from waiting for the interpreter."""
    sys.setswitchinterval(SWITCH_SECONDS)
