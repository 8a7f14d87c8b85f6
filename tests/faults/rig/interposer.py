"""Faults in the system calls of a process, made by a library that is loaded before all others."""

import errno
import mmap
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_suffix(".c")
CALLS = ("none", "open", "read", "write", "fsync", "rename", "unlink")
ALWAYS = -1
KILL = -1
# ``struct control`` in interposer.c
CONTROL = struct.Struct("=6iq480s")
FIRED_OFFSET, CLOCK_OFFSET = 20, 24


def compile_library(folder: Path) -> Path:
    """Compile the library; skip where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to make faults in system calls with")
    library = folder / "interposer.so"
    options = ["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
    subprocess.run([compiler, *options, "-ldl"], check=True)
    return library


class Interposer:
    """Controls the system calls of some processes.

    Attributes:
        environment: for a process that should have such faults.
    """

    def __init__(self, library: Path, control: Path) -> None:
        control.write_bytes(bytes(CONTROL.size))
        self.environment = {"LD_PRELOAD": str(library), "FAULT_CONTROL": str(control)}
        with control.open("r+b") as file:
            self.control = mmap.mmap(file.fileno(), CONTROL.size)

    @property
    def fired(self) -> int:
        """How many calls have failed, or been slow, so far."""
        return struct.unpack_from("=i", self.control, FIRED_OFFSET)[0]

    def strike(
        self, call: str, folder: Path, *, action: int = 0, seconds: float = 0, times: int = 1
    ) -> None:
        """Let calls on a folder fail from now on.

        Args:
            call: one of ``CALLS``; ``none`` ends it.
            folder: what the paths begin with.
            action: an error number; 0 for none; or ``KILL``.
            seconds: how long each takes first.
            times: how many; or ``ALWAYS``.
        """
        fault = (times, action, round(seconds * 1000), self.fired)
        shift = struct.unpack_from("=q", self.control, CLOCK_OFFSET)[0]
        path = str(folder).encode()
        self.control[:4] = bytes(4)  # no fault while the other values change
        self.control[4:] = CONTROL.pack(0, 0, *fault, shift, path)[4:]
        self.control[:4] = struct.pack("=i", CALLS.index(call))

    def heal(self) -> None:
        """Stop making calls fail."""
        self.control[:4] = bytes(4)

    @contextmanager
    def striking(self, call: str, folder: Path, **fault) -> Iterator[None]:
        """Let calls fail for a while."""
        self.strike(call, folder, **fault)
        try:
            yield
        finally:
            self.heal()

    def move_clock(self, seconds: int) -> None:
        """Set the clock forward or back."""
        self.control[CLOCK_OFFSET : CLOCK_OFFSET + 8] = struct.pack("=q", seconds)


def action_of(how: str, call: str) -> int:
    """Return what a failing call does: an open or a write reports a full disk."""
    if how == "kill":
        return KILL
    return errno.ENOSPC if call in ("open", "write") else errno.EIO
