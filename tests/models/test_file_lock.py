"""Locks between processes."""

import os
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread
from time import sleep

import pytest

from models.file_lock import lock_file, try_to_lock, unlock
from tests.engines import ROOT

HOLD = """
import sys
from pathlib import Path
from models.file_lock import lock_file
assert lock_file(Path(sys.argv[1]), 0) is not None
print("held", flush=True)
sys.stdin.readline()
"""


def descriptors_of(path):
    """Return the descriptors of this process that belong to a file."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found += [link] if os.readlink(link) == str(path) else []
    return found


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock until it is killed."""
    command = [sys.executable, "-c", HOLD, tmp_path / "lock"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_lock_is_held_by_one_until_its_file_is_closed(tmp_path):
    first = lock_file(tmp_path / "lock", 0)
    assert lock_file(tmp_path / "lock", 0) is None
    os.close(first)

    second = lock_file(tmp_path / "lock", 0)

    assert second is not None
    os.close(second)


def test_process_that_dies_lets_go(tmp_path, holder):
    assert lock_file(tmp_path / "lock", 0) is None
    holder.kill()
    holder.wait()

    held = lock_file(tmp_path / "lock", 0)

    assert held is not None
    os.close(held)


def test_lock_of_a_file_that_lost_its_name_is_no_lock(tmp_path):
    """Another process may have created a new file meanwhile, and hold its lock."""
    path, found = tmp_path / "lock", []
    first = lock_file(path, 0)
    waiting = Thread(target=lambda: found.append(lock_file(path, 30)))
    waiting.start()
    while len(descriptors_of(path)) < 2:
        sleep(0.001)
    path.unlink()
    second = lock_file(path, 0)
    os.close(first)
    while descriptors_of(f"{path} (deleted)") and waiting.is_alive():
        sleep(0.001)
    os.close(second)
    waiting.join()

    assert os.path.samestat(os.fstat(found[0]), path.stat())
    os.close(found[0])


def test_lock_is_a_file_for_its_owner_alone(tmp_path):
    before = os.umask(0)
    os.close(lock_file(tmp_path / "lock", 0))
    os.umask(before)

    assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600


def test_open_file_is_locked_by_one_at_a_time(tmp_path):
    path = tmp_path / "lock"
    with path.open("w") as one, path.open() as other:
        assert try_to_lock(one.fileno())
        assert not try_to_lock(other.fileno())
        unlock(one.fileno())
        assert try_to_lock(other.fileno())


def test_folder_that_is_not_there_is_a_fault(tmp_path):
    with pytest.raises(FileNotFoundError):
        lock_file(tmp_path / "missing" / "lock", 0)
