"""Set aside what cannot be recorded: rejected records, and damaged bytes."""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from services.journal.folder import DAMAGED, STUCK, list_stuck, write_file
from services.journal.records import Record, read_records, write_record
from services.recording.intake import Entry

log = logging.getLogger(__name__)


def set_aside(folders: Sequence[Path], record: Record) -> None:
    """Write a record to a file of its own, to be retried; it is durable once this returns.

    Raises:
        OSError: no folder took it.
    """
    write_to_any(folders, f"{record.uuid.hex}{STUCK}", write_record(record))


def write_to_any(folders: Sequence[Path], name: str, data: bytes) -> Path:
    """Write a file to the first folder that takes it: that of its segment may be read-only.

    Raises:
        OSError: no folder took it.
    """
    *others, last = [folder / name for folder in folders]
    for path in others:
        with suppress(OSError):
            write_file(path, data)
            return path
    write_file(last, data)
    return last


def read_stuck(folders: Iterable[Path]) -> Iterator[tuple[Path, Record]]:
    """Read all records that were set aside, except unreadable ones."""
    for folder in folders:
        for path in list_stuck(folder):
            with suppress(OSError):
                for record, _ in read_records(path.read_bytes(), complete=True):
                    if record is not None:
                        yield path, record


def save_damaged(folders: Sequence[Path], entry: Entry) -> None:
    """Save bytes of a segment that are not a record, such as an append that a crash cut off.

    They were never acknowledged, unless the disk has damaged a record since.

    Raises:
        OSError: no folder took them.
    """
    reader, size = entry.segment, entry.end - entry.start
    name = f"{reader.name}.{entry.start}{DAMAGED}"
    if not any((folder / name).is_file() for folder in folders):
        path = write_to_any(folders, name, os.pread(reader.descriptor, size, entry.start))
        log.error("journal: %s: %d bytes are not a record", path, size)
