"""What the processes of a service cost, as Linux counts it in ``/proc``."""

import os
import re
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


def family(pid: int) -> list[int]:
    """List a process and all its living descendants."""
    children: list[int] = []
    with suppress(OSError):
        for task in (PROC / str(pid) / "task").iterdir():
            children += map(int, (task / "children").read_text().split())
    return [pid, *(member for child in children for member in family(child))]


def cpu_seconds(pid: int) -> float:
    """Sum the CPU time of a process and its descendants, ended ones included."""
    return sum(map(own_cpu_seconds, family(pid)))


def own_cpu_seconds(pid: int) -> float:
    """Read the CPU time of one process and of its children that have ended."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return 0.0
    fields = stat.rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS  # utime, stime, cutime, cstime


def memory_mb(pid: int) -> float:
    """Sum the memory that a process and its descendants hold, pages shared by them counted once.

    The pages of programs and libraries are left out: all Python services share them.
    """
    return sum(map(own_memory_kb, family(pid))) / 1024


def own_memory_kb(pid: int) -> int:
    """Read one process's part of its anonymous memory."""
    with suppress(OSError):
        rollup = (PROC / str(pid) / "smaps_rollup").read_text()
        if found := re.search(r"^Pss_Anon: +(\d+) kB", rollup, re.MULTILINE):
            return int(found[1])
    return 0
