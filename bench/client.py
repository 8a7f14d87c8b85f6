"""Send callbacks with wrk, and note what came back."""

import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from pathlib import Path

APP, TOKEN = "888888", "token"
SIGN_TOLERANCE_SECONDS = 86400  # of the services, so that one signature serves the whole run
TIMEOUT_SECONDS = 10
SCRIPT = Path(__file__).parent / "callbacks.lua"
NUMBERS = count(1)
SIGNED_AT = str(int(time.time()))
SIGN = sha256(f"{TOKEN}{SIGNED_AT}".encode()).hexdigest()


@dataclass(frozen=True)
class Load:
    """What is sent.

    Attributes:
        rate: callbacks a second over all connections, or 0 for as many as are answered.
        subjects: how many subjects they are about, or 0 for a new one each time.
    """

    connections: int
    seconds: int
    rate: float = 0
    subjects: int = 0


@dataclass(frozen=True)
class Answers:
    """What came back.

    Attributes:
        refused: answers that are not 200 with ``"ActionStatus":"OK"``.
        broken: errors of connections, and answers later than ``TIMEOUT_SECONDS``.
        seconds: from the first callback to the last answer.
        p50_ms: half of the answers took no longer. wrk corrects its percentiles for what a stalled
            connection could not send meanwhile.
    """

    sent: int
    answered: int
    refused: int
    broken: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds if self.answered else 0.0

    @property
    def fault(self) -> str:
        """Say why this proves nothing, or nothing."""
        if self.refused or self.broken or not self.answered:
            return f"{self.answered} answers, {self.refused} refused, {self.broken} broken"
        return ""


def require_wrk() -> None:
    """Stop in one line where there is no client."""
    if not shutil.which("wrk"):
        raise SystemExit("wrk is missing; on Debian it is the package wrk")


def send(port: int, load: Load) -> Answers:
    """Send callbacks to a service of this machine, and wait until all are answered.

    wrk runs a second longer than it sends: what is under way then still gets its answer.
    """
    options = [
        "-t1",
        f"-c{load.connections}",
        f"-d{load.seconds + 1}",
        f"--timeout={TIMEOUT_SECONDS}",
    ]
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
