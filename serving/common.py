"""What gunicorn is told alike for the receiver, the reader, and all of it on one port."""

from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (gunicorn makes its own file there)

keepalive = 75  # seconds; Tencent keeps connections open, and a close races with its next callback
graceful_timeout = 5  # seconds
limit_request_fields = 50
control_socket_disable = True
# A heartbeat never waits for a disk.
worker_tmp_dir = str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None


def worker_exit(_: object, __: object) -> None:
    """Write what only this worker knows, and seal its segment."""
    import wsgi

    wsgi.closing.close()
