"""Every query of /history and /deliveries is served by an index: the planners say so."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from models import Delivery, EventMember, LifecycleEvent
from models.session import Database
from schemas.cursor import Position
from schemas.deliveries import DeliveryQuerySchema
from schemas.history import HistoryQuerySchema
from services.deliveries import fetch_deliveries
from services.history import fetch_history

ROWS = 20_000
START = datetime(2026, 1, 1, tzinfo=UTC)
MIDDLE = Position(START + timedelta(seconds=ROWS // 4), ROWS // 2)
ACTIONS = ("created",) * 6 + ("profile_changed",) * 3 + ("destroyed",)
HISTORY = [
    {},
    {"subject_type": ["channel"]},
    {"subject_id": ["s7"]},
    {"action": ["destroyed"]},
    {"action": ["destroyed", "profile_changed"]},
    {"operator": ["u7"]},
    {"owner": ["u7"]},
    {"member": ["u7"]},
    {"member": ["u7"], "action": ["created"], "order": ["asc"]},
    {"subject_type": ["group"], "sdk_app_id": ["1"], "order": ["asc"]},
    {"sdk_app_id": ["1"]},
    {"since": ["2026-01-01T01:00:00Z"], "until": ["2026-01-01T02:00:00Z"]},
]
DELIVERIES = [{}, {"verdict": ["invalid"]}, {"command": ["c7"]}, {"sdk_app_id": ["1"]}]


def rows():
    for number in range(1, ROWS + 1):
        at = START + timedelta(seconds=number // 2)
        received = {"id": number, "received_at": at, "sdk_app_id": "1"}
        user = f"u{number * 7919 % 97}"
        yield (
            received
            | {"command": f"c{number % 97}", "verdict": "invalid" if number % 97 else "accepted"}
            | {"peer": "", "query_string": "", "body": b"{}"},
            received
            | {"delivery_id": number, "event_key": f"{number:064}", "occurrence": 0}
            | {"subject_type": "group" if number % 50 else "channel", "command": "c"}
            | {"subject_id": f"s{number * 7919 % 997}", "action": ACTIONS[number % 10]}
            | {"operator": user, "owner": user, "occurred_at": at, "details": {}},
            {"event_id": number, "user_id": user, "position": 0, "occurred_at": at},
        )


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request):
    """A database with some thousand events, and statistics about them."""
    from tests.conftest import ENGINES

    engines = request.config.stash[ENGINES]
    if request.param not in engines:
        pytest.skip(f"no {request.param} here")
    with engines[request.param].clone() as url:
        database = Database.open(url, url)
        deliveries, events, members = zip(*rows(), strict=True)
        with database.writes.begin() as session:
            session.execute(sa.insert(Delivery), list(deliveries))
            session.execute(sa.insert(LifecycleEvent), list(events))
            session.execute(sa.insert(EventMember), list(members))
        with database.writes.begin() as session:
            session.execute(sa.text("ANALYZE"))
        yield database
        for sessions in (database.writes, database.reads):
            sessions.kw["bind"].dispose()


def explain(database, fetch, query):
    """Ask the database how it reads one page; return its first query's plan."""
    engine = database.reads.kw["bind"]
    asked = []

    def listen(_connection, _cursor, statement, parameters, *_):
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", listen)
    with database.reads() as session:
        fetch(session, query)
    sa.event.remove(engine, "before_cursor_execute", listen)
    sqlite = engine.dialect.name == "sqlite"
    how = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF)"
    with engine.connect() as connection:
        plan = connection.exec_driver_sql(f"{how} {asked[0][0]}", asked[0][1])
        return [row[-1] for row in plan]


def is_served_by_index(plan):
    """No table is read from end to end, and nothing but a merged page is sorted."""
    merged = any("UNION" in line or "Merge Append" in line for line in plan)
    table = "(deliveries|lifecycle_events|event_members)"
    scans = [line for line in plan if re.search(rf"Seq Scan|SCAN {table}(?! USING INDEX)", line)]
    sorts = [line for line in plan if re.search("TEMP B-TREE", line)]
    rows = [int(n) for line in plan for n in re.findall(r"rows=(\d+)", line)]
    removed = [int(n) for line in plan for n in re.findall(r"Removed by Filter: (\d+)", line)]
    few = max(rows, default=0) <= 1000 and max(removed, default=0) <= 2600
    return not scans and (merged or not sorts) and few


CASES = [(fetch_history, HistoryQuerySchema, query) for query in HISTORY]
CASES += [(fetch_deliveries, DeliveryQuerySchema, query) for query in DELIVERIES]


@pytest.mark.parametrize("after", [None, MIDDLE], ids=["first page", "later page"])
@pytest.mark.parametrize(("fetch", "schema", "query"), CASES, ids=[str(case[2]) for case in CASES])
def test_query_is_served_by_an_index(database, fetch, schema, query, after):
    plan = explain(database, fetch, replace(schema().load(query), after=after))

    assert is_served_by_index(plan), "\n".join(plan)


def test_missing_index_would_be_noticed(database):
    def fetch(session, _):
        session.execute(sa.select(LifecycleEvent).order_by(LifecycleEvent.name)).all()

    assert not is_served_by_index(explain(database, fetch, None))
