"""The machine of the measurements, and the cost of processes, from ``/proc``."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    *("flask", "marshmallow", "sqlalchemy", "gunicorn", "gevent", "psycopg"),
    *("fastapi", "pydantic", "uvicorn", "uvloop", "asyncpg", "aiosqlite"),
)
PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")


def describe_machine() -> Iterator[str]:
    """Describe processor, memory, system and versions, one line each."""
    cpu = find(r"^model name\s*: (.+)$", PROC / "cpuinfo") or platform.machine()
    memory = int(find(r"^MemTotal: +(\d+)", PROC / "meminfo") or 0) / 1024**2
    system = f"{platform.system()} {platform.release()}"
    yield f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GB; {system}"
    yield f"Python {platform.python_version()}, {', '.join(installed())}"
    yield ", ".join(filter(None, (first_line("wrk", "-v"), first_line("go", "version"))))


def find(pattern: str, file: Path) -> str | None:
    """Find the first match of a group in a file of the system; none if either is missing."""
    with suppress(OSError):
        if found := re.search(pattern, file.read_text(), re.MULTILINE):
            return found[1]
    return None


def installed() -> Iterator[str]:
    """List the packages that take part."""
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            yield f"{package} {version(package)}"


def first_line(*command: str) -> str:
    """Return the version line of a program; nothing if it is not installed."""
    if not shutil.which(command[0]):
        return ""
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout or done.stderr).partition("\n")[0].partition(" Copyright")[0]


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


def resident_mb(pid: int) -> float:
    """Read what one process holds in memory (RSS), shared libraries included."""
    return int(find(r"^VmRSS:\s+(\d+) kB", PROC / str(pid) / "status") or 0) / 1024


def private_mb(pid: int) -> float:
    """Sum what a process and its descendants hold, without programs and shared libraries."""
    pages = [
        find(r"^Pss_Anon: +(\d+) kB", PROC / str(member) / "smaps_rollup") for member in family(pid)
    ]
    return sum(int(page or 0) for page in pages) / 1024
