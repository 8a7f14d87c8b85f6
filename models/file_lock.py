"""Locks between processes, held on open files; the death of a process releases them."""

import fcntl
import os
import time
from pathlib import Path

POLL_SECONDS = 0.0005


def try_to_lock(descriptor: int) -> bool:
    """Lock an open file unless another process has locked it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(descriptor: int) -> None:
    """Unlock an open file for the next process."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def lock_file(path: Path, timeout: float) -> int | None:
    """Lock a file, created if need be, until the returned descriptor is closed.

    Returns:
        None if another process kept it for ``timeout`` seconds.

    Raises:
        OSError: the file can't be opened.
    """
    deadline = time.monotonic() + timeout
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        while not (is_locked := try_to_lock(descriptor)) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        if is_locked and has_name(descriptor, path):
            return descriptor
        os.close(descriptor)
        if not is_locked:
            return None


def has_name(descriptor: int, path: Path) -> bool:
    """Tell whether an open file is the one that has a name now."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
