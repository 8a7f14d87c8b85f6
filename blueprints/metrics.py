"""Counts for Prometheus."""

from collections.abc import Iterator, Mapping

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from blueprints.access import require_api_key
from blueprints.operation import Operation
from blueprints.runtime import runtime
from schemas.page import QuerySchema
from services.health import SpoolHealth, check_spool
from services.metrics import COUNTED, PREFIX

GAUGES: Mapping[str, tuple[str, str]] = {
    "depth": ("spool_callbacks", "Callbacks that wait in the spool."),
    "stuck": ("spool_stuck_callbacks", "Those that the database does not take."),
    "age_seconds": ("spool_age_seconds", "For how long the first of them has waited."),
    "writable": ("spool_writable", "1 if the spool would take another callback, else 0."),
}

bp = Blueprint("metrics", __name__)
bp.before_request(require_api_key)


class SpoolCollector(Collector):
    """Tells what waits in the spool."""

    def __init__(self, spool: SpoolHealth) -> None:
        self.spool = spool

    def collect(self) -> Iterator[Metric]:
        """Make a gauge of each number."""
        for attribute, (name, text) in GAUGES.items():
            yield GaugeMetricFamily(f"{PREFIX}_{name}", text, getattr(self.spool, attribute))


@bp.get("/metrics")
def show_metrics() -> Response:
    """Show for Prometheus what was kept, where and how fast, what was refused, what waits.

    Asks no database, so that it answers while that hangs.
    """
    QuerySchema().load(request.args.to_dict(flat=False))
    here = runtime()
    spool = check_spool(here.keeper.spool, now=here.now())
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(gather(spool)), content_type=content_type)


show_metrics.operation = Operation(  # type: ignore[attr-defined]
    QuerySchema(), None, ("text/plain", "application/openmetrics-text")
)


def gather(spool: SpoolHealth) -> CollectorRegistry:
    """Gather the counts of all processes, and what waits in the spool."""
    gathered = CollectorRegistry()
    gathered.register(COUNTED)
    gathered.register(SpoolCollector(spool))
    return gathered
