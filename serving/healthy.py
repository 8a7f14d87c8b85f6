"""Tell whether a process is at work: run ``python -m serving.healthy ROLE`` in its container."""

import sys
from http.client import HTTPConnection, HTTPException

from config import JournalSettings, read_environment
from config.declared import HOST, PORT, READ_PORT
from models.clock import utc_now
from services.journal.status import read_status

TIMEOUT_SECONDS = 3.0
PROBES = {"receiver": (PORT, "/readyz"), "reader": (READ_PORT, "/healthz")}


def is_at_work(role: str) -> bool:
    """Tell whether the receiver, the recorder or the reader of this environment is at work."""
    if role == "recorder":
        status = read_status(JournalSettings.from_environment().folders)
        return status is not None and status.is_recorder_at_work(utc_now())
    given, (port, path) = read_environment(), PROBES[role]
    return is_answering(f"{HOST.read(given)}:{port.read(given)}", path)


def is_answering(address: str, path: str) -> bool:
    """Tell whether a server answers 200."""
    connection = HTTPConnection(address, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not is_at_work(sys.argv[1]))
