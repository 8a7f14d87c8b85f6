"""Counts and gauges for Prometheus."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import accumulate
from typing import Any

from flask import Response, request
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from blueprints.api.access import bp
from blueprints.api.operation import operation
from blueprints.api.runtime import Runtime, runtime
from config.release import VERSION
from models.text import escape_text
from models.vocabulary import ANSWER_BOUNDS_MS, Measure, Refusal
from services.lists.subjects import count_all_subjects
from services.reading.clock import find_ahead
from services.watching.activity import (
    Totals,
    fetch_delay_microseconds,
    fetch_totals,
    find_last_commands,
)

PREFIX = "chat_lifecycle_log_"
GAUGES = {
    "waiting": ("journal_waiting_records", "Records that are not in the database yet."),
    "stuck": ("journal_stuck_records", "Those that the database does not take."),
    "waited_seconds": ("journal_oldest_seconds", "For how long the oldest of them has waited."),
    "segment_bytes": ("journal_bytes", "Size of the segments that are not all recorded."),
    "kept_bytes": ("journal_kept_bytes", "Size of the segments that are."),
    "room_bytes": ("journal_room_bytes", "What the disk of the journal has room for."),
    "writable": ("journal_writable", "1 if the journal takes callbacks, else 0."),
    "recorder_at_work": ("recorder_up", "1 if the recorder was at work a moment ago, else 0."),
}


@bp.get("/metrics")
@operation(None, content_types=("text/plain", "application/openmetrics-text"))
def show_metrics() -> Response:
    """Show for Prometheus what arrived, how fast it was answered, what was refused, what waits.

    Answers even without the database, with what is known then.
    """
    gathered = CollectorRegistry()
    gathered.register(Scrape(runtime()))
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(gathered), content_type=content_type)


class Scrape(Collector):
    """Collects what is known at the time."""

    def __init__(self, here: Runtime) -> None:
        self.here = here

    def collect(self) -> Iterator[Metric]:
        """Make a metric family for each number that is known."""
        now = self.here.now()
        health, found = self.here.look(
            lambda connection: (
                fetch_delay_microseconds(connection, now=now),
                fetch_totals(connection),
                find_ahead(connection, now=now),
                find_last_commands(connection),
                count_all_subjects(connection),
            )
        )
        yield gauge("build_info", "The release that serves this.", {(VERSION,): 1}, "version")
        yield gauge("database_up", "1 if the database answers, else 0.", health.database.reachable)
        if health.journal is not None:
            for attribute, (name, text) in GAUGES.items():
                yield gauge(name, text, getattr(health.journal, attribute))
        process = (str(os.getpid()),)
        text = "Wrong keys that were given to one process of the reader."
        yield counter("wrong_keys", text, {process: self.here.wrong_keys.count}, "process")
        text = "Acts of reading that no journal has of one process of the reader."
        yield counter("lost_readings", text, {process: self.here.readings.lost}, "process")
        if found is None:
            return
        delay, totals, ahead, lasts, subjects = found
        if ahead is not None:
            text = (
                "How far this clock is ahead of Tencent's, by what callbacks say of their signing."
            )
            yield gauge("clock_ahead_seconds", text, ahead.total_seconds())
        if delay is not None:
            text = "Largest time from arrival to the database, of the last five minutes."
            yield gauge("delay_seconds", text, delay / 1e6)
        yield from count(totals)
        text = "When each command arrived last, in seconds since 1970."
        times = {(escape_text(command),): at.timestamp() for command, at in lasts.items()}
        yield gauge("last_callback_timestamp_seconds", text, times, "command")
        yield time_answers(totals)
        text = "Channels and groups, by what they are now."
        yield gauge("subjects", text, subjects, "sdk_app_id", "type", "status")


def family(
    kind: type[CounterMetricFamily] | type[GaugeMetricFamily],
    name: str,
    text: str,
    numbers: float | Mapping[Any, float],
    *labels: str,
) -> Metric:
    """Make a metric family from one number, or from numbers by the values of their labels."""
    made = kind(f"{PREFIX}{name}", text, labels=labels)
    by_labels = numbers if isinstance(numbers, Mapping) else {(): numbers}
    for values, number in sorted(by_labels.items()):
        made.add_metric(values, number)
    return made


gauge, counter = partial(family, GaugeMetricFamily), partial(family, CounterMetricFamily)


def count(totals: Totals) -> Iterator[Metric]:
    """Count callbacks, refused requests and losses; each reason starts at 0, not at 1."""
    received: dict[tuple[str, str, str], int] = {}
    refused = {(reason.value, ""): 0 for reason in Refusal}
    lost = 0
    for (measure, app, name, verdict), total in totals.items():
        if measure == Measure.RECEIVED:
            received[app, escape_text(name), verdict] = total
        elif measure == Measure.REFUSED:
            refused[name, app] = total
        elif measure == Measure.LOST:
            lost += total
    labels = ("sdk_app_id", "command", "verdict")
    yield counter("callbacks", "Callbacks received.", received, *labels)
    text = "Requests that failed verification."
    yield counter("refused_requests", text, refused, "reason", "sdk_app_id")
    yield gauge("lost_callbacks", "Callbacks answered 503 that have not been found since.", lost)


def time_answers(totals: Totals) -> Metric:
    """Make a histogram of the times to answers."""
    answered = Counter(dict.fromkeys([*map(str, ANSWER_BOUNDS_MS), "inf"], 0))
    microseconds = 0
    for (measure, _, bound_ms, _), total in totals.items():
        if measure == Measure.ANSWERED:
            answered[bound_ms] += total
        elif measure == Measure.ANSWER_MICROSECONDS:
            microseconds += total
    bounds_ms = sorted(answered, key=float)
    names = ["+Inf" if one == "inf" else str(int(one) / 1000) for one in bounds_ms]
    cumulative = accumulate(answered[bound_ms] for bound_ms in bounds_ms)
    return HistogramMetricFamily(
        f"{PREFIX}answer_seconds",
        "Time from the arrival of a callback to its answer.",
        buckets=list(zip(names, cumulative, strict=True)),
        sum_value=microseconds / 1e6,
    )
