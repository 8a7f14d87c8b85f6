"""Send callbacks with wrk, and note the answers."""

import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from pathlib import Path

APP, TOKEN = "888888", "token"
SIGN_TOLERANCE_SECONDS = 86400  # of the services, so that one signature is valid for the whole run
TIMEOUT_SECONDS = 10
SCRIPT = Path(__file__).parent / "callbacks.lua"
NUMBERS = count(1)
SIGNED_AT = str(int(time.time()))
SIGN = sha256(f"{TOKEN}{SIGNED_AT}".encode()).hexdigest()


@dataclass(frozen=True)
class Load:
    """The load to send.

    Attributes:
        rate: callbacks per second over all connections; 0 sends each as soon as the last is
            answered.
        subjects: how many subjects the callbacks are about; 0 means one for each.
    """

    connections: int
    seconds: int
    rate: float = 0
    subjects: int = 0


@dataclass(frozen=True)
class Answers:
    """The answers to a load.

    Attributes:
        refused: answers other than 200 with ``"ActionStatus":"OK"``.
        broken: connection errors, and answers later than ``TIMEOUT_SECONDS``.
        first: when the first callback was sent, in seconds since 1970.
        last: when the last answer came.
        p50_ms: wrk corrects both percentiles for requests that a stalled connection could not send.
    """

    sent: int
    answered: int
    refused: int
    broken: int
    first: float
    last: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answered / (self.last - self.first) if self.answered else 0.0

    @property
    def fault(self) -> str:
        """Why this turn proves nothing; empty if it counts."""
        if self.refused or self.broken or not self.answered:
            return f"{self.answered} answers, {self.refused} refused, {self.broken} broken"
        return ""


def require_wrk() -> None:
    """Stop if wrk is not installed."""
    if not shutil.which("wrk"):
        raise SystemExit("wrk is missing; on Debian it is the package wrk")


def send(port: int, load: Load) -> Answers:
    """Send callbacks to a service on this machine, and wait until all are answered.

    wrk runs for a second longer than it sends, so that the last callbacks are answered too.
    """
    connections, seconds = f"-c{load.connections}", f"-d{load.seconds + 1}"
    options = ["-t1", connections, seconds, f"--timeout={TIMEOUT_SECONDS}"]
    numbers = [load.seconds, f"{load.rate:.3f}", load.subjects]
    arguments = [f"{next(NUMBERS)}", SIGN, SIGNED_AT, *map(str, numbers)]
    done = subprocess.run(
        ["wrk", *options, "-s", SCRIPT, f"http://127.0.0.1:{port}", "--", *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    _, found, result = done.stdout.partition("RESULT ")
    if not found:
        raise SystemExit(f"wrk could not run {SCRIPT.name}: {done.stdout}{done.stderr}")
    return Answers(**json.loads(result))
