"""Ask a service over one kept-alive connection, and note how long each answer takes."""

import http.client
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlencode

KEY = "key"  # of bench/services.py


@dataclass
class Reader:
    """One client of one service."""

    port: int
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        """Connect."""
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def get(self, address: str, **query: Any) -> Any:
        """Read JSON.

        Raises:
            RuntimeError: the answer is not 200.
        """
        return json.loads(self.get_bytes(f"{address}?{urlencode(query)}" if query else address))

    def get_bytes(self, address: str) -> bytes:
        """Read anything.

        Raises:
            RuntimeError: the answer is not 200.
        """
        self.connection.request("GET", address, headers={"Authorization": f"Bearer {KEY}"})
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{address}: {answer.status} {body.decode()}")
        return body

    def time(self, address: str, **query: Any) -> float:
        """Tell how many milliseconds an answer takes."""
        return stop_watch(partial(self.get, address, **query))

    def time_page(self, address: str) -> float:
        """Tell how many milliseconds a page of HTML takes."""
        return stop_watch(partial(self.get_bytes, address))


def stop_watch(ask: Callable[[], object]) -> float:
    """Tell how many milliseconds something takes."""
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000


@dataclass(frozen=True)
class Times:
    """How long answers took, in milliseconds."""

    values: Sequence[float]

    def percentile(self, percent: int) -> float:
        """Tell what ``percent`` of the answers did not exceed."""
        return sorted(self.values)[max(0, -(-len(self.values) * percent // 100) - 1)]

    def __format__(self, _: str) -> str:
        """Write p50 and p99 as cells of a table."""
        return f"{self.percentile(50):.1f} | {self.percentile(99):.1f}"


def alternate(times: int, *questions: Callable[[], float]) -> list[Times]:
    """Ask each question in turn, again and again, so that what drifts meets all alike."""
    rounds = [[ask() for ask in questions] for _ in range(times)]
    return [Times(values) for values in zip(*rounds, strict=True)]
