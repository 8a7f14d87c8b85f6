"""What is counted while callbacks come, in the terms of Prometheus."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    values,
)

from models.vocabulary import Refusal
from shared_numbers import SharedNumber

PREFIX = "chat_lifecycle_log"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2)  # for which Tencent waits

values.ValueClass = SharedNumber
disable_created_metrics()  # type: ignore[no-untyped-call]  # each process would have another time

COUNTED = CollectorRegistry()
KEPT = Histogram(
    f"{PREFIX}_callback_seconds",
    "How long it took until a callback was durable, by where it was kept.",
    ["kept_in"],
    buckets=SECONDS,
    registry=COUNTED,
)
KEPT_IN_DATABASE, KEPT_IN_SPOOL = KEPT.labels("database"), KEPT.labels("spool")
INVALID = Counter(f"{PREFIX}_invalid_callbacks", "Callbacks that can't be read.", registry=COUNTED)
LOST = Counter(
    f"{PREFIX}_lost_callbacks",
    "Callbacks that are not kept: answered 503 or 500.",
    registry=COUNTED,
)
REFUSED = Counter(
    f"{PREFIX}_refused_requests",
    "Requests that were not taken for Tencent's, by the reason.",
    ["reason"],
    registry=COUNTED,
)
for reason in Refusal:
    REFUSED.labels(reason)  # begins with 0, so that the first one is an increase
