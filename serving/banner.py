"""Say where to go, once a server can be gone to; the log is no place for a key itself."""

import os
import shlex
from pathlib import Path

from config import ReaderSettings
from serving.logs import is_json


def show_receiver(bind: str) -> None:
    """Say where callbacks go."""
    show(
        f"Callbacks are received on http://{bind}",
        f"  webhook URL  https://YOUR.PUBLIC.HOST/callback, forwarded to http://{bind}/callback",
    )


def show_reader(bind: str, settings: ReaderSettings) -> None:
    """Say where history is read, and how."""
    env_file = shlex.quote(str(Path(".env").resolve()))
    api_keys = "printenv API_KEYS" if "API_KEYS" in os.environ else f"grep ^API_KEYS= {env_file}"
    key = f"$({api_keys} | sed 's/^[^:]*:\\([^,]*\\).*/\\1/')"
    curl = f'curl -H "Authorization: Bearer {key}" http://{bind}/history'
    show(
        f"History is served on http://{bind}",
        f"  console      http://{bind}/console/",
        f"  history      {curl if settings.api_keys else 'no read access yet: set API_KEYS'}",
        f"  API          http://{bind}/docs",
    )


def show(*lines: str) -> None:
    """Print lines at once, also into a pipe; not where a program reads the log."""
    if not is_json():
        print(*lines, sep="\n", flush=True)
