"""Measure the pages of the console, each for itself."""

from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import quote

from bench.busy import CHANNEL, GROUP
from bench.reader import Reader, Times, alternate
from bench.report import Table
from bench.services import Service

ASKED = 60
PAGES: Mapping[str, str] = {
    "overview": "",
    "channels": "channels",
    "groups, by the beginning of a name": "groups?name=Test",
    "groups, by owner and status": "groups?owner=user7&status=destroyed",
    "search": "search?q=%40TGS",
    "a group of 50 events": "groups/%40TGS%2377",
    "a channel of 50 events, at a date": "channels/%40TOA%23_77?at=2026-06-01",
    "a group of 10,000 events": f"groups/{quote(GROUP)}",
    "a channel of 10,000 changes": f"channels/{quote(CHANNEL)}",
    "deliveries": "deliveries",
    "invalid deliveries": "deliveries?verdict=invalid",
    "a delivery": "deliveries/4",
    "quarantine": "quarantine",
    "drift": "drift",
    "system": "system",
}


def measure_console(title: str, service: Service) -> Table:
    """Ask for each page in turn, again and again."""
    reader = Reader(service.port)
    questions: dict[str, Callable[[], float]] = {
        name: partial(reader.time_page, f"/console/{path}") for name, path in PAGES.items()
    }
    times: list[Times] = alternate(ASKED, *questions.values())
    return Table(
        f"{title}: pages of the console",
        "page | p50 ms | p95 ms",
        [
            f"{name} | {values.percentile(50):.1f} | {values.percentile(95):.1f}"
            for name, values in zip(questions, times, strict=True)
        ],
    )
