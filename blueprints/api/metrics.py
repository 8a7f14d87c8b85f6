"""Counts and gauges for Prometheus."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TypeVar

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

LabelValues = TypeVar("LabelValues", bound=tuple[str, ...])
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
        text = "The release that serves this."
        yield labelled("build_info", text, ["version"], {(VERSION,): 1})
        yield gauge("database_up", "1 if the database answers, else 0.", health.database.reachable)
        if health.journal is not None:
            for attribute, (name, text) in GAUGES.items():
                yield gauge(name, text, getattr(health.journal, attribute))
        yield count_here("wrong_keys", "Wrong keys that were given to", self.here.wrong_keys.count)
        yield count_here(
            "lost_readings", "Acts of reading that no journal has of", self.here.readings.lost
        )
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
        yield labelled("last_callback_timestamp_seconds", text, ["command"], times)
        yield time_answers(totals)
        text = "Channels and groups, by what they are now."
        yield labelled("subjects", text, ["sdk_app_id", "type", "status"], subjects)


def count_here(name: str, what: str, value: float) -> Metric:
    """Make a counter of this process."""
    text = f"{what} one process of the reader."
    made = CounterMetricFamily(f"{PREFIX}{name}", text, labels=["process"])
    made.add_metric([str(os.getpid())], value)
    return made


def gauge(name: str, text: str, value: float) -> Metric:
    """Make a gauge without labels."""
    return GaugeMetricFamily(f"{PREFIX}{name}", text, value)


def labelled(
    name: str, text: str, labels: Sequence[str], values: Mapping[LabelValues, float]
) -> Metric:
    """Make a gauge with labels, from numbers by label values."""
    made = GaugeMetricFamily(f"{PREFIX}{name}", text, labels=labels)
    for label_values, value in sorted(values.items()):
        made.add_metric(label_values, value)
    return made


def count(totals: Totals) -> Iterator[Metric]:
    """Count callbacks, refused requests and losses; each reason starts at 0, not at 1."""
    labels = ["sdk_app_id", "command", "verdict"]
    callbacks = CounterMetricFamily(f"{PREFIX}callbacks", "Callbacks received.", labels=labels)
    refusals = {(reason.value, ""): 0 for reason in Refusal}
    lost = 0
    for (measure, sdk_app_id, name, verdict), total in sorted(totals.items()):
        if measure == Measure.RECEIVED:
            callbacks.add_metric([sdk_app_id, escape_text(name), verdict], total)
        elif measure == Measure.REFUSED:
            refusals[name, sdk_app_id] = total
        elif measure == Measure.LOST:
            lost += total
    yield callbacks
    text = "Requests that failed verification."
    refused = CounterMetricFamily(
        f"{PREFIX}refused_requests", text, labels=["reason", "sdk_app_id"]
    )
    for label_values, total in sorted(refusals.items()):
        refused.add_metric(label_values, total)
    yield refused
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
