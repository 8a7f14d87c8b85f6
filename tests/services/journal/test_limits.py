"""The journal in a separate process: with gevent, and at the limits of the system."""

import os
import subprocess
import sys

import pytest

from services.journal.folder import list_kept, list_waiting
from services.journal.journal import Journal
from services.journal.records import read_records
from tests.engines import ROOT
from tests.services.journal.conftest import make_record, read_back


def run(script, *arguments):
    """Run some lines in a separate process; return the words that they print."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def keep_one(folder, body=b""):
    """Make one recorded segment."""
    journal = Journal([folder])
    journal.append(make_record(body))
    journal.close()
    (file,) = list_waiting(folder)
    file.path.rename(folder / "kept" / file.path.name)


PREPARE = """
import os
import resource
import sys
from pathlib import Path
from services.journal.folder import write_file
from services.journal.journal import Journal, NotDurableError
from tests.services.journal.conftest import make_record

folder = Path(sys.argv[1])

def append(size):
    try:
        journal.append(make_record(bytes(size)))
    except NotDurableError as fault:
        print("doubtful" if fault.is_doubtful else "refused", flush=True)
    else:
        print("durable", flush=True)
"""

TAKE_A_PART = """
journal = Journal([folder])
append(10)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
append(2000)
journal.folders[0].refused_at -= 1
append(10)
journal.close()
"""


def test_record_of_which_a_part_was_written_is_taken_back(tmp_path):
    keep_one(tmp_path)

    assert run(PREPARE + TAKE_A_PART, tmp_path) == ["durable", "refused", "durable"]

    files = list_waiting(tmp_path)
    assert [file.records for file in files] == [1, 1]
    for file in files:
        found = read_records(file.path.read_bytes(), complete=True)
        assert [record is not None for record, _ in found] == [True]
    assert len(list_kept(tmp_path)) == 1


WRITE_A_PART = """
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_file(folder / "aside", bytes(2000))
except OSError as fault:
    print(len(os.listdir(folder)))
"""


def test_file_of_which_a_part_was_written_is_not_there(tmp_path):
    assert run(PREPARE + WRITE_A_PART, tmp_path) == ["0"]


RUN_OUT_OF_FILES = """
journal = Journal([folder])
journal.append(make_record())
journal.folders[0].thread.submit(journal.folders[0].retire).result()
most = len(os.listdir("/proc/self/fd")) - 1
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
append(10)
"""


def test_kept_segments_are_not_dropped_for_another_fault_than_a_full_disk(tmp_path):
    keep_one(tmp_path)

    assert run(PREPARE + RUN_OUT_OF_FILES, tmp_path) == ["refused"]

    assert len(list_kept(tmp_path)) == 1


@pytest.fixture
def small_disk(tmp_path):
    """A disk of one megabyte."""
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root mounts disks")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


FILL = """
journal = Journal([folder])
for _ in range(3):
    append(400_000)
journal.close()
"""


def test_kept_segments_are_dropped_before_a_full_disk_refuses(small_disk):
    keep_one(small_disk, bytes(400_000))

    assert run(PREPARE + FILL, small_disk) == ["durable", "durable", "refused"]

    assert list_kept(small_disk) == []
    assert [len(record.body) for record in read_back(small_disk)] == [400_000] * 2


GEVENT = """
from gevent import monkey
monkey.patch_all()
import gevent
import os
import sys
from pathlib import Path
from services.journal.journal import FLUSH_SECONDS, Journal
from tests.services.journal.conftest import make_record

folders = [Path(folder) for folder in sys.argv[1:]]
journal = Journal(folders)
flush, native_sleep, flushes = os.fdatasync, monkey.get_original("time", "sleep"), []

def hang_once(descriptor):
    flushes.append(descriptor)
    if len(flushes) == 1:
        native_sleep(FLUSH_SECONDS * 1.5)
    flush(descriptor)

os.fdatasync = hang_once
ticks = 0

def tick():
    global ticks
    while True:
        gevent.sleep(0.01)
        ticks += 1

gevent.spawn(tick)
jobs = [gevent.spawn(journal.append, make_record()) for _ in range(50)]
gevent.joinall(jobs, raise_error=True)
journal.append(make_record())
journal.close()
print(len(flushes), ticks > 10)
"""


def test_greenlets_share_flushes_and_none_of_them_holds_up_the_others(tmp_path):
    flushes, ticked = run(GEVENT, tmp_path / "first", tmp_path / "second")

    assert int(flushes) <= 4
    assert ticked == "True"
    late, stored = (
        {one.uuid for one in read_back(tmp_path / name)} for name in ("first", "second")
    )
    assert len(stored) == 51
    assert late <= stored


BUSY = """
import gevent.monkey
gevent.monkey.patch_all()

import sys
import time
from pathlib import Path

import gevent

from services.journal.journal import FLUSH_SECONDS, Journal
from tests.services.journal.conftest import make_record

journal = Journal([Path(sys.argv[1])])
journal.append(make_record())

def keep_busy():
    end = time.monotonic() + FLUSH_SECONDS * 2
    while time.monotonic() < end:
        pass

for _ in range(3):
    job = gevent.spawn(journal.append, make_record())
    while journal.folders[0].is_written:
        gevent.sleep(0)
    keep_busy()
    job.get()
journal.close()
print(journal.is_refusing)
"""


def test_event_loop_that_is_busy_is_no_disk_that_hangs(tmp_path):
    assert run(BUSY, tmp_path) == ["False"]
    assert len(read_back(tmp_path)) == 4
