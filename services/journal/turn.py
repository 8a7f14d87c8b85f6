"""The turn to record a journal: one process per host has it."""

import os
from collections.abc import Sequence
from pathlib import Path

from models.file_lock import lock_file
from services.journal.folder import make_folder

LOCK = "recorder.lock"


def take_turn(folders: Sequence[Path]) -> int | None:
    """Take the lock of a journal's recorder, in the first folder that allows it.

    Returns:
        A descriptor that holds the lock until it is closed; none if another process has it.

    Raises:
        OSError: no folder can be locked.
    """
    fault: OSError | None = None
    for folder in folders:
        try:
            make_folder(folder)
            return lock_file(folder / LOCK, timeout=0)
        except OSError as error:
            fault = fault or error
    raise fault or FileNotFoundError("the journal has no folder")


def is_recorder_running(folders: Sequence[Path]) -> bool:
    """Tell whether a process records a journal."""
    try:
        turn = take_turn(folders)
    except OSError:
        return False
    if turn is None:
        return True
    os.close(turn)
    return False
