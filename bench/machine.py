"""What the figures were measured on, without saying whose machine it is."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    *("flask", "marshmallow", "sqlalchemy", "gunicorn", "psycopg"),
    *("fastapi", "pydantic", "uvicorn", "uvloop", "asyncpg", "aiosqlite"),
)


def describe_machine() -> Iterator[str]:
    """Say processor, memory, system and versions, a line each."""
    cpu = read(r"^model name\s*: (.+)$", Path("/proc/cpuinfo")) or platform.machine()
    memory = int(read(r"^MemTotal: +(\d+)", Path("/proc/meminfo")) or 0) / 1024**2
    system = f"{platform.system()} {platform.release()}"
    yield f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GB; {system}"
    yield f"Python {platform.python_version()}, {', '.join(installed())}"
    yield ", ".join(filter(None, (first_line("wrk", "-v"), first_line("go", "version"))))


def read(pattern: str, file: Path) -> str | None:
    """Find the first match of a group in a file of the system, if it is there."""
    found = re.search(pattern, file.read_text(), re.MULTILINE) if file.exists() else None
    return found[1] if found else None


def installed() -> Iterator[str]:
    """Name the packages that take part."""
    for package in PACKAGES:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            continue


def first_line(*command: str) -> str:
    """Let a program say its version; nothing if it is not here."""
    if not shutil.which(command[0]):
        return ""
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout or done.stderr).partition("\n")[0].partition(" Copyright")[0]
