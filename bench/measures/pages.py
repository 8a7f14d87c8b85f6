"""Measure how long pages take: those of the console, of each list, of a large subject."""

import http.client
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from threading import Event

from bench.contenders import OURS, Part
from bench.databases import Engine
from bench.fill import fill
from bench.measures.readers import ROWS, percentile, read_until
from bench.report import Table
from bench.services import preparing
from bench.turns import Plan

ASKED = 20  # times, in a round
GROUP, CHANNEL = "%40TGS%23large", "%40TOA%23_large"
OF_GROUP = {
    "state": f"/groups/{GROUP}",
    "state at a time": f"/groups/{GROUP}?at={{time}}",
    "versions": f"/groups/{GROUP}/versions",
    "newest versions": f"/groups/{GROUP}/versions?order=desc",
    "history": f"/history?subject_id={GROUP}",
    "history of a member": f"/history?subject_id={GROUP}&member=user7",
    "page": f"/console/groups/{GROUP}",
    "page at a time": f"/console/groups/{GROUP}?at={{time}}",
    "page of names": f"/console/groups/{GROUP}?show=names",
    "page of members": f"/console/groups/{GROUP}?show=members",
    "page of a member": f"/console/groups/{GROUP}?member=user7",
    "events": f"/console/events?subject_id={GROUP}",
}
OF_CHANNEL = {
    name: address.replace("/groups/", "/channels/").replace(GROUP, CHANNEL)
    for name, address in OF_GROUP.items()
}
LISTS = {
    "history": "/history?limit=500",
    "history of a user": "/history?member=user7",
    "history of an action": "/history?action=destroyed&operator=user7",
    "deliveries": "/deliveries",
    "channels by name": "/channels?name=Test",
    "groups of an owner": "/groups?owner=user7",
    "search by ID": "/search?q=%40TOA%23_7",
    "search by part": "/search?q=fficialacc",
    "search by former name": "/search?q=Channel+300",
    "search by user": "/search?q=user77",
    "search by UUID": "/search?q=01a00000-0000-7000-8000-000000000000",
    "page of overview": "/console/",
    "page of events": "/console/events",
    "page of channels": "/console/channels",
    "page of groups by last change": "/console/groups?sort=changed",
    "page of deliveries": "/console/deliveries",
    "page of a user": "/console/users/user7",
    "page of a search": "/console/search?q=official",
    "page of health": "/console/health",
}
ABOUT: Mapping[str, Mapping[str, str]] = {
    "of all": LISTS,
    "group of 200,000 events": OF_GROUP,
    "channel of 10,000 changes": OF_CHANNEL,
}


def measure_pages(plan: Plan, engine: Engine) -> Iterator[Table]:
    """Request each address in turn, repeatedly, over one connection.

    Raises:
        RuntimeError: the answer is not 200.
    """
    rows = plan.rows or ROWS
    long_ago = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() - 3 * 86_400))
    with preparing(OURS, engine, plan.folder) as service:
        fill(service.database, rows, service.folder, is_large=True)
        service.start(Part.READ)
        service.await_answer(Part.READ, service.read_port)
        connection = http.client.HTTPConnection("127.0.0.1", service.read_port, timeout=60)
        with closing(connection):
            lines = [
                [about, name, *time_address(connection, address.format(time=long_ago), plan)]
                for about, addresses in ABOUT.items()
                for name, address in addresses.items()
            ]
    yield Table(f"{engine.title}, {rows:,} rows: pages", ["", "asked", "p50 ms", "p95 ms"], lines)


def time_address(connection: http.client.HTTPConnection, address: str, plan: Plan) -> list[str]:
    """Request an address repeatedly; return p50 and p95 in milliseconds."""
    spent, never = [], Event()
    for _ in range(ASKED * plan.rounds):
        began = time.perf_counter()
        if not read_until(never, connection, address):
            raise RuntimeError(f"{address} is not answered")
        spent.append(1000 * (time.perf_counter() - began))
    return [f"{percentile(spent, percent):.1f}" for percent in (50, 95)]
