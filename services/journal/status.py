"""What is waiting in the journal and how much room is left: a small file without content.

A process that may not open the journal, such as the reader, reads this file instead.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from services.journal.folder import (
    PROBE_BYTES,
    list_kept,
    list_stuck,
    list_waiting,
    may_write,
    replacing,
    room_bytes,
    size_of,
    write_all,
)

STATUS = "status.json"
STATUS_MODE = 0o640  # for the service's group, which the reader's user may belong to
FRESH = timedelta(seconds=5)


@dataclass(frozen=True)
class Progress:
    """How far one segment is recorded.

    Attributes:
        records: from its beginning.
        last_received_at: when the last of them arrived, timezone-aware; none without records.
    """

    records: int = 0
    last_received_at: datetime | None = None


@dataclass(frozen=True)
class JournalStatus:
    """The state of a journal, all folders together.

    Attributes:
        at: when it was found; timezone-aware, like the other instants.
        waiting: records that are not in the tables yet, including those that are stuck.
        stuck: records that the database rejects although it accepts others.
        oldest_received_at: when the oldest waiting record arrived, or shortly before; none if none
            waits.
        segment_bytes: the size of the segments that are not fully recorded.
        kept_bytes: the size of those that are.
        room_bytes: the room on the disk of the best folder.
        writable: whether any folder takes records.
        recorder_at: when the recorder was last at work; none if that was never seen.
        recorded: the progress of the recorder, by segment.
    """

    at: datetime
    waiting: int = 0
    stuck: int = 0
    oldest_received_at: datetime | None = None
    segment_bytes: int = 0
    kept_bytes: int = 0
    room_bytes: int = 0
    writable: bool = False
    recorder_at: datetime | None = None
    recorded: Mapping[str, Progress] = field(default_factory=dict)

    def age_seconds(self, now: datetime) -> float:
        """Return how long the oldest record has waited."""
        oldest = self.oldest_received_at
        return max((now - oldest).total_seconds(), 0.0) if oldest else 0.0

    def is_recorder_at_work(self, now: datetime) -> bool:
        """Tell whether the recorder has just reported."""
        return self.recorder_at is not None and abs(now - self.recorder_at) < FRESH


def measure(
    folders: Sequence[Path],
    recorded: Mapping[str, Progress],
    *,
    recorder_at: datetime | None,
    now: datetime,
) -> JournalStatus:
    """Add up what the file names tell; never raises.

    Args:
        recorded: the progress of the recorder, by segment.
        recorder_at: when the recorder was last at work.
        now: timezone-aware.
    """
    files = [file for folder in folders for file in list_waiting(folder)]
    progress = {file.segment: recorded.get(file.segment, Progress()) for file in files}
    behind = [file for file in files if file.records > progress[file.segment].records]
    stuck = sum(len(list_stuck(folder)) for folder in folders)
    room = {folder: room_bytes(folder) for folder in folders}
    return JournalStatus(
        at=now,
        waiting=stuck + sum(file.records - progress[file.segment].records for file in behind),
        stuck=stuck,
        oldest_received_at=min(
            (progress[file.segment].last_received_at or file.begun_at for file in behind),
            default=None,
        ),
        segment_bytes=sum(size_of(file.path) for file in files),
        kept_bytes=sum(size_of(file.path) for folder in folders for file in list_kept(folder)),
        room_bytes=max(room.values()),
        writable=any(room[folder] > PROBE_BYTES and may_write(folder) for folder in room),
        recorder_at=recorder_at,
        recorded=progress,
    )


def write_status(folders: Iterable[Path], status: JournalStatus) -> None:
    """Write the status to every folder that takes it; never raises."""
    data = json.dumps(asdict(status), default=datetime.isoformat).encode()
    for folder in folders:
        with suppress(OSError), replacing(folder / STATUS, STATUS_MODE) as descriptor:
            write_all(descriptor, data)


def read_status(folders: Iterable[Path]) -> JournalStatus | None:
    """Return the newest status in any folder; none if none can be read."""
    found = [status for folder in folders if (status := read_status_of(folder))]
    return max(found, key=lambda status: status.at, default=None)


def find_status(folders: Sequence[Path], *, now: datetime) -> JournalStatus:
    """Return the status that the recorder reports; measure the journal if it is not at work."""
    known = read_status(folders)
    if known is not None and known.is_recorder_at_work(now):
        return known
    recorded, recorder_at = (known.recorded, known.recorder_at) if known else ({}, None)
    return measure(folders, recorded, recorder_at=recorder_at, now=now)


def read_status_of(folder: Path) -> JournalStatus | None:
    """Read the status of one folder; none if it can't be read."""
    try:
        return to_status(json.loads((folder / STATUS).read_bytes()))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def to_status(members: dict[str, Any]) -> JournalStatus:
    """Read what ``write_status`` wrote.

    Raises:
        ValueError, LookupError, TypeError, AttributeError: another release wrote it.
    """
    recorded = {
        segment: Progress(one["records"], to_instant(one["last_received_at"]))
        for segment, one in members.pop("recorded").items()
    }
    at = datetime.fromisoformat(members.pop("at"))
    for name in ("oldest_received_at", "recorder_at"):
        members[name] = to_instant(members[name])
    return JournalStatus(at, recorded=recorded, **members)


def to_instant(text: str | None) -> datetime | None:
    """Read an instant in ISO 8601, or none."""
    return None if text is None else datetime.fromisoformat(text)
