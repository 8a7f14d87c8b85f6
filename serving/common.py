"""What gunicorn is told alike for the receiver, the reader, and all of it on one port."""

import resource
from pathlib import Path
from typing import Any

RESERVED_FILES = 128  # of a worker: for the journal, databases, and whatever Python opens
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (gunicorn makes its own file there)

keepalive = 75  # seconds; Tencent keeps connections open, and a close races with its next callback
graceful_timeout = 5  # seconds
limit_request_fields = 50
control_socket_disable = True
# A heartbeat never waits for a disk.
worker_tmp_dir = str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None


def on_starting(server: Any) -> None:
    """Let connections take no file that a worker needs for its work; say so if few are left."""
    # Of each address it listens on, a worker takes so many.
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
    """Raise the number of files that a process may open as far as allowed; return what it is."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft, hard = (wanted if one == resource.RLIM_INFINITY else one for one in limits)
    if soft < wanted:
        soft = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, limits[1]))
    return soft


def worker_exit(_: object, __: object) -> None:
    """Write what only this worker knows, and seal its segment."""
    import wsgi

    wsgi.closing.close()
