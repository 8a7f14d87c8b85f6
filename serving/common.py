"""The gunicorn settings that receiver, reader and the server on one port share."""

import gc
import logging
import os
import re
import resource
import time
from pathlib import Path
from typing import Any

from serving.logs import is_json, make_handler

LOG_SECONDS = 60.0
RESERVED_FILES = 128  # of a worker: for the journal, databases, and files that Python opens
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (gunicorn makes its own file there)

keepalive = 75  # seconds; Tencent keeps connections open; closing one races with a callback
graceful_timeout = 5  # seconds
limit_request_fields = 100
control_socket_disable = True
# TRUSTED_PROXIES decides which proxies are believed, not gunicorn: no SCRIPT_NAME header moves an
# address.
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
# A heartbeat never waits for a disk.
worker_tmp_dir = str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None


logging.getLogger("config").addHandler(make_handler())  # workers have other handlers
if is_json():  # gunicorn writes only text, to a file of its own, so it is told to write to none
    errorlog = os.devnull
    logging.getLogger("gunicorn.error").addHandler(make_handler())


class UnreadableRequests(logging.Filter):
    """Log unreadable requests in one line a minute, without quoting any with its ``Sign``."""

    def __init__(self) -> None:
        super().__init__()
        self.logged_at = -LOG_SECONDS
        self.requests = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Count a line of this kind, or let it pass in a shorter form; let all others pass."""
        found = re.match(r"Invalid request from ip=(\S*): ([^']*)", record.getMessage())
        if found is None:
            return True
        self.requests += 1
        if time.monotonic() < self.logged_at + LOG_SECONDS:
            return False
        record.msg = f"{self.requests} invalid, the last from {found[1]}: {found[2]}"
        self.logged_at, self.requests = time.monotonic(), 0
        return True


def on_starting(server: Any) -> None:
    """Reserve the files that a worker needs from those of connections; warn if few are left."""
    logging.getLogger("gunicorn.error").addFilter(UnreadableRequests())
    # A worker takes so many from each address it listens on.
    connections, addresses = server.cfg.worker_connections, len(server.cfg.address)
    files = raise_limit(connections * addresses + RESERVED_FILES)
    most = max((files - RESERVED_FILES) // addresses, 1)
    if connections > most:
        server.cfg.set("worker_connections", most)
        text = (
            "a process may open %d files, so a worker takes %d connections at once: raise ulimit -n"
        )
        server.log.warning(text, files, most)


on_reload = on_starting


def raise_limit(wanted: int) -> int:
    """Raise the number of files that a process may open as far as allowed, and return it."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft, hard = (wanted if one == resource.RLIM_INFINITY else one for one in limits)
    if soft < wanted:
        soft = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, limits[1]))
    return soft


def post_worker_init(_: object) -> None:
    """Keep the garbage collector from walking through everything that was imported."""
    gc.freeze()


def worker_exit(_: object, __: object) -> None:
    """Write what only this worker knows, and seal its segment."""
    import wsgi

    wsgi.closing.close()
