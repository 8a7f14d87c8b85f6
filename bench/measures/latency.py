"""Measure how long an answer takes at a steady rate, and how long until the callback is visible."""

import http.client
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import count
from threading import Event

import sqlalchemy as sa

from bench.client import APP, SIGN, SIGNED_AT, Load, send
from bench.contenders import OURS
from bench.databases import Engine
from bench.report import Column, Run, Section
from bench.services import Service, serving
from bench.turns import Plan, loads, median_rate, warm_up
from bench.turns import count as count_answers

STEADY_RATES = (200, 1000)  # callbacks per second
VISIBLE_RATE = 200
POLL_SECONDS = 0.002
VISIBLE_SECONDS = 10  # after which a callback counts as never seen
COMMAND = "Group.CallbackAfterCreateGroup"
FIND = sa.text("SELECT 1 FROM lifecycle_events WHERE subject_id = :subject_id")
NUMBERS = count(1)
ANSWERS = (
    Column("answered/s", "rate"),
    Column("p50 ms", "p50_ms", "{:.1f}"),
    Column("p99 ms", "p99_ms", "{:.1f}"),
    Column("p99 of ours ÷ its", "p99_ms", "{:.2f}", "base ÷ it"),
)


def measure_latency(plan: Plan, engine: Engine) -> Iterator[Section]:
    """Send at half the top rate of ours, and at fixed rates."""
    with ExitStack() as stack:
        contenders = plan.choose(engine, "ours", "before", "ceiling")
        services = [stack.enter_context(serving(one, engine, plan.folder)) for one in contenders]
        warm_up(services)
        top = median_rate(plan.take_turns(*loads(services[:1], plan.full_load)))
        for rate in (round(top / 2), *STEADY_RATES):
            load = Load(plan.connections, plan.seconds, rate=rate)
            runs = plan.take_turns(*loads(services, load))
            half = ", half the top rate of ours" if rate not in STEADY_RATES else ""
            yield Section(f"{engine.title}: {rate} callbacks/s{half}", ANSWERS, runs)


def measure_visible(plan: Plan, engine: Engine) -> Iterator[Section]:
    """Query for a callback from its answer on until it is visible, under a steady load."""
    with serving(OURS, engine, plan.folder) as service:
        warm_up([service])
        runs = plan.take_turns(lambda turn: watch_callbacks(service, plan, turn))
    columns = (
        Column("callbacks watched", "watched"),
        Column("p50 ms", "visible_p50_ms", "{:.1f}"),
        Column("p99 ms", "visible_p99_ms", "{:.1f}"),
    )
    title = f"{engine.title}: answer → visible at {VISIBLE_RATE} callbacks/s"
    yield Section(title, columns, runs)


def watch_callbacks(service: Service, plan: Plan, turn: int) -> Run:
    """Watch one callback after another while wrk sends others."""
    ended = Event()
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch_until, ended, service)
        answers = send(service.port, Load(plan.connections, plan.seconds, rate=VISIBLE_RATE))
        ended.set()
        times = sorted(watching.result())
    figures = {
        **count_answers(answers),
        "watched": float(len(times)),
        "visible_p50_ms": 1000 * times[len(times) // 2],
        "visible_p99_ms": 1000 * times[min(len(times) * 99 // 100, len(times) - 1)],
    }
    return Run(OURS.name, OURS.title, turn, figures, answers.fault)


def watch_until(ended: Event, service: Service) -> list[float]:
    """Send a callback, query until its event is visible, and repeat; return the times.

    A connection of its own asks the table behind ``/history`` for the subject: one step into an
    index, every two milliseconds, so that neither HTTP nor the reader is a part of the time.
    """
    times = []
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=VISIBLE_SECONDS)
    with closing(connection), service.database.connect() as database:
        while not ended.is_set():
            subject = f"watched-{next(NUMBERS)}"
            send_one(connection, subject)
            answered = time.perf_counter()
            while database.execute(FIND, {"subject_id": subject}).first() is None:
                if time.perf_counter() > answered + VISIBLE_SECONDS:
                    raise RuntimeError(f"{subject} was acknowledged and can't be seen")
                time.sleep(POLL_SECONDS)
            times.append(time.perf_counter() - answered)
    return times


def send_one(connection: http.client.HTTPConnection, subject_id: str) -> None:
    """Send the creation of a group.

    Raises:
        RuntimeError: it is refused.
    """
    body = {"CallbackCommand": COMMAND, "GroupId": subject_id, "EventTime": int(time.time() * 1000)}
    query = f"SdkAppid={APP}&CallbackCommand={COMMAND}&Sign={SIGN}&RequestTime={SIGNED_AT}"
    connection.request("POST", f"/callback?{query}", json.dumps(body))
    answer = connection.getresponse().read()
    if b'"OK"' not in answer:
        raise RuntimeError(answer.decode())
