"""The files of a journal folder. Their names alone tell what is waiting.

====================================  ===========================================================
``<segment>.<records>.open``          its writer appends to it and holds its lock
``<segment>.<records>.sealed``        nothing more is appended to it
``kept/<segment>.<records>.sealed``   all of it is recorded
``<uuid>.stuck``                      one record that the database keeps rejecting
``<segment>.<position>.damaged``      bytes of a segment that are not a record
``status.json``                       what is waiting and how much room is left, without content
``.<name>-<random>``, ``probe-<ID>``  a file that is being written
====================================  ===========================================================
"""

import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from models.clock import EPOCH

OPEN, SEALED, STUCK, DAMAGED = ".open", ".sealed", ".stuck", ".damaged"
KEPT = "kept"
FOLDER_MODE, FILE_MODE = 0o750, 0o600
SHARED_FOLDER_MODE, SHARED_FILE_MODE = 0o770, 0o640
LEAST_ROOM_BYTES = 16 * 1024 * 1024  # with less room than this, kept segments are dropped
PROBE_BYTES = 4096
DRAFT = re.compile(r"\..+-([0-9a-f]{8}){1,2}|probe-\d+")
DRAFT_SECONDS = 3600.0  # a draft this old is no longer being written


@dataclass(frozen=True, order=True)
class SegmentFile:
    """A segment's file, as its name describes it.

    Attributes:
        segment: the name that the segment keeps, whatever becomes of its file; it begins with the
            microsecond in which the segment was begun, so names sort by time.
        records: how many it holds; of an open one, a second ago.
    """

    segment: str
    path: Path
    records: int

    @classmethod
    def of(cls, path: Path) -> Self:
        """Parse a name.

        Raises:
            ValueError: it is not the name of a segment.
        """
        segment, records, _ = path.name.split(".")
        return cls(segment, path, int(records))

    @property
    def begun_at(self) -> datetime:
        """Tell when the segment was begun, timezone-aware."""
        return EPOCH + timedelta(microseconds=int(self.segment.partition("-")[0]))


def new_segment_name() -> str:
    """Make a name that is unique among the segments of all hosts."""
    return f"{time.time_ns() // 1000:016}-{secrets.token_hex(8)}"


def name_file(segment: str, records: int, suffix: str) -> str:
    """Name the file of a segment."""
    return f"{segment}.{records}{suffix}"


def list_segments(folder: Path, *suffixes: str) -> list[SegmentFile]:
    """List the segments of a folder, oldest first; an unreadable folder has none."""
    found = []
    with suppress(OSError):
        for name in os.listdir(folder):
            if name.endswith(suffixes):
                with suppress(ValueError):
                    found.append(SegmentFile.of(folder / name))
    return sorted(found)


def list_waiting(folder: Path) -> list[SegmentFile]:
    """List the segments that are not yet moved to ``kept/``."""
    return list_segments(folder, OPEN, SEALED)


def list_kept(folder: Path) -> list[SegmentFile]:
    """List the segments that are fully recorded."""
    return list_segments(folder / KEPT, SEALED)


def list_stuck(folder: Path) -> list[Path]:
    """List the records that were set aside, oldest first."""
    try:
        return sorted(folder / name for name in os.listdir(folder) if name.endswith(STUCK))
    except OSError:
        return []


def make_folder(folder: Path) -> None:
    """Make a folder of the journal.

    Raises:
        OSError: it can't be made.
    """
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    kept = folder / KEPT
    kept.mkdir(mode=FOLDER_MODE, exist_ok=True)
    if is_shared(folder) and not is_shared(kept):
        kept.chmod(SHARED_FOLDER_MODE)


def is_shared(folder: Path) -> bool:
    """Tell whether a group may write to a folder, as when the recorder runs as another user."""
    return bool(folder.stat().st_mode & stat.S_IWGRP)


def flush_folder(folder: Path) -> None:
    """Wait until the names of a folder's files are on disk.

    Raises:
        OSError: it can't be flushed.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_file(path: Path, data: bytes, mode: int = FILE_MODE) -> None:
    """Write a file so that a crash leaves either all of it or nothing.

    Raises:
        OSError: the disk does not take it.
    """
    with replacing(path, mode) as descriptor:
        write_all(descriptor, data)
        os.fsync(descriptor)
    flush_folder(path.parent)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of the data: a nearly full disk takes a part, and fails only at the next write.

    Raises:
        OSError: the disk does not take it, or only a part of it.
    """
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


@contextmanager
def replacing(path: Path, mode: int = FILE_MODE) -> Iterator[int]:
    """Write a temporary file, and rename it into place once it is complete.

    Raises:
        OSError: the disk does not take it.
    """
    draft = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        os.fchmod(descriptor, mode)
        yield descriptor
        os.rename(draft, path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
    finally:
        os.close(descriptor)


def find_fault(folder: Path) -> OSError | None:
    """Test whether a folder would take a record; return what is wrong, or none."""
    try:
        make_folder(folder)
        write_file(folder / f"probe-{os.getpid()}", bytes(PROBE_BYTES))
        (folder / f"probe-{os.getpid()}").unlink()
    except OSError as fault:
        return fault
    return None


def find_existing(folder: Path) -> Path:
    """Find a folder, or the nearest parent in which it can be made once it is needed."""
    return next(path for path in (folder, *folder.absolute().parents) if os.path.exists(path))


def may_write(folder: Path) -> bool:
    """Tell whether a folder, or the nearest parent if it is missing, lets this user write to it."""
    existing = find_existing(folder)
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)


def room_bytes(folder: Path) -> int:
    """Return how much room the disk of a folder has, even of a missing one; 0 if unknown."""
    try:
        return shutil.disk_usage(find_existing(folder)).free
    except OSError:
        return 0


def drop_kept(folder: Path, *, keep_bytes: int, begun_before: datetime) -> list[SegmentFile]:
    """Drop kept segments, oldest first, until the rest is within the limits.

    Args:
        keep_bytes: the total size that may stay.
        begun_before: segments that were begun earlier are dropped in any case; timezone-aware.

    Returns:
        The segments that were dropped.

    Raises:
        OSError: one can't be deleted.
    """
    dropped = []
    kept = list_kept(folder)
    sizes = {file: size_of(file.path) for file in kept}
    total = sum(sizes.values())
    for file in kept:
        if total <= keep_bytes and file.begun_at >= begun_before:
            break
        with suppress(FileNotFoundError):
            file.path.unlink()
        total -= sizes[file]
        dropped.append(file)
    return dropped


def make_room(folder: Path) -> list[SegmentFile]:
    """Drop the oldest half of the kept segments to make room; return the dropped ones.

    Raises:
        OSError: one can't be deleted.
    """
    kept = list_kept(folder)
    dropped = kept[: len(kept) // 2 + 1]
    for file in dropped:
        with suppress(FileNotFoundError):
            file.path.unlink()
    return dropped


def drop_drafts(folder: Path) -> None:
    """Delete files that processes left unfinished when they were killed."""
    with suppress(OSError):
        drafts = [path for path in folder.iterdir() if DRAFT.fullmatch(path.name)]
        for path in drafts:
            if time.time() > path.stat().st_mtime + DRAFT_SECONDS:
                path.unlink()


def size_of(path: Path) -> int:
    """Return the size of a file; 0 once it is gone."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
