"""Every query of /history and /deliveries is served by an index, as the planners confirm."""

import re
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from models.database.engine import open_reader, open_writer
from models.tables import ActOfReading, Base, Command, Delivery, EventMember, LifecycleEvent
from models.vocabulary import SubjectType
from schemas.api.deliveries import DeliveryQuerySchema
from schemas.api.history import HistoryQuerySchema, UserQuerySchema
from schemas.api.readings import ReadingQuerySchema
from schemas.api.subjects import SubjectListSchema
from services.lists.belonging import fetch_joined
from services.lists.subjects import fetch_subjects
from services.reading.deliveries import fetch_deliveries
from services.reading.history import fetch_history
from services.reading.readings import fetch_readings
from services.reading.users import fetch_user_events
from services.recording.following.subjects import restore_subjects
from services.watching.activity import find_last_commands
from tests.conftest import ENGINES

ROWS = 20_000
START = datetime(2026, 1, 1, tzinfo=UTC)
MIDDLE = (START + timedelta(seconds=ROWS // 4), ROWS // 2)
ACTIONS = ("destroyed", "full")
EVENTS, MEMBERS = "ix_lifecycle_events", "(sqlite_autoindex_event_members_2|pk_event_members)"
MEMBERS_OF_SUBJECT = "ix_event_members_subject_id_user_id_occurred_at_event_id"
EVENTS_BY_TIME = "(sqlite_autoindex_lifecycle_events_1|pk_lifecycle_events)"
HISTORY = [
    ({}, EVENTS_BY_TIME),
    ({"subject_type": ["channel"]}, f"{EVENTS}_subject_type_occurred_at"),
    ({"subject_id": ["s7"]}, f"{EVENTS}_subject_(id_occurred_at|action)"),
    ({"action": ["destroyed"]}, f"{EVENTS}_subject_type_action_occurred_at"),
    ({"action": ["destroyed", "full"]}, f"{EVENTS}_subject_type_action_occurred_at"),
    (
        {"subject_type": ["group"], "action": ["full"]},
        f"{EVENTS}_subject_type_action_occurred_at",
    ),
    ({"subject_id": ["s7"], "action": ["destroyed"]}, f"{EVENTS}_subject_action"),
    ({"subject_type": ["group"], "owner": ["u7"]}, f"{EVENTS}_owner_occurred_at"),
    (
        {"sdk_app_id": ["1"], "action": ["created"], "operator": ["u7"]},
        f"{EVENTS}_operator_occurred_at",
    ),
    ({"operator": ["u7"]}, f"{EVENTS}_operator_occurred_at"),
    ({"owner": ["u7"], "order": ["asc"]}, f"{EVENTS}_owner_occurred_at"),
    ({"sdk_app_id": ["2"]}, f"{EVENTS}_sdk_app_id_occurred_at"),
    ({"member": ["u7"]}, MEMBERS),
    ({"subject_id": ["s7"], "member": ["u7"]}, MEMBERS_OF_SUBJECT),
    ({"subject_id": ["giant"], "member": ["u7"]}, MEMBERS_OF_SUBJECT),
    ({"member": ["u7"], "action": ["created"], "order": ["asc"]}, MEMBERS),
    ({"member": ["u7"], "action": ["created", "destroyed"]}, MEMBERS),
    (
        {"since": ["2026-01-01T01:00:00Z"], "until": ["2026-01-01T02:00:00Z"]},
        EVENTS_BY_TIME,
    ),
]
DELIVERIES = [
    ({}, "(sqlite_autoindex_deliveries_1|pk_deliveries)"),
    ({"verdict": ["invalid"]}, "ix_deliveries_verdict_received_at"),
    ({"command": ["c7"]}, "ix_deliveries_command_id_received_at"),
    ({"sdk_app_id": ["2"]}, "ix_deliveries_sdk_app_id_received_at"),
]

READINGS = [
    ({}, "(sqlite_autoindex_readings_1|uq_readings_received_at_uuid)"),
    ({"holder": ["u7"]}, "ix_readings_holder_received_at"),
    ({"subject_id": ["s7"]}, "ix_readings_subject_id_received_at"),
    ({"user_id": ["u7"], "holder": ["u7"]}, "ix_readings_user_id_received_at"),
]


def rows():
    for number in range(1, ROWS + 1):
        at = START + timedelta(seconds=number // 2)
        received = {"id": number, "received_at": at, "sdk_app_id": "1" if number % 97 else "2"}
        user = f"u{number * 7919 % 97}"
        subject_id = f"s{number * 7919 % 997}" if number % 4 else "giant"
        yield (
            received
            | {"uuid": uuid4(), "command_id": number % 97}
            | {"verdict": "accepted" if number % 97 else "invalid"}
            | {"peer": "", "query_string": "", "body": b"{}"},
            received
            | {"delivery_id": number, "event_key": UUID(int=number)}
            | {"subject_type": "group" if number % 50 else "channel"}
            | {
                "subject_id": subject_id,
                "action": "created" if number % 97 > 1 else ACTIONS[number % 97],
            }
            | {"operator": user, "owner": user, "occurred_at": at, "details": {}},
            {"event_id": number, "user_id": user, "position": 0, "occurred_at": at}
            | {"subject_id": subject_id},
            {"id": number, "uuid": UUID(int=number), "received_at": at, "holder": user}
            | {"sign_in": "key", "address": "", "status": 200, "peer": "", "request_id": ""}
            | {"subject_id": f"s{number % 997}", "user_id": f"u{number * 7919 % 997}"},
        )


# A server makes them by itself, but only some time after rows were stored.
STATISTICS = {
    "postgresql": "ANALYZE",
    "mysql": f"ANALYZE TABLE {', '.join(Base.metadata.tables)}",
}


@contextmanager
def filled_database(request):
    """Open a database with some thousand events; SQLite's statistics come from a migration."""
    engines = request.config.stash[ENGINES]
    if request.param not in engines:
        pytest.skip(f"no {request.param} here")
    with engines[request.param].clone() as url:
        fill(url)
        engine = open_reader(url)
        yield engine
        engine.dispose()


def fill(url):
    engine = open_writer(url)
    deliveries, events, members, readings = zip(*rows(), strict=True)
    commands = [{"id": number, "name": f"c{number}"} for number in range(97)]
    with engine.begin() as connection:
        connection.execute(sa.insert(Command), commands)
        connection.execute(sa.insert(Delivery), list(deliveries))
        connection.execute(sa.insert(LifecycleEvent), list(events))
        connection.execute(sa.insert(EventMember), list(members))
        connection.execute(sa.insert(ActOfReading), list(readings))
    assert [*restore_subjects(engine)]
    if statement := STATISTICS.get(engine.dialect.name):
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def reader(request):
    """An engine that reads a database with some thousand events."""
    with filled_database(request) as engine:
        yield engine


# Of tables and of indexes, the longest names first.
PARTITIONS = """
    SELECT part.relname, whole.relname FROM pg_inherits
    JOIN pg_class AS part ON part.oid = inhrelid JOIN pg_class AS whole ON whole.oid = inhparent
    ORDER BY length(part.relname) DESC
"""


def name_tables(connection, plan):
    """Name tables and indexes where a plan names their partitions."""
    if connection.dialect.name == "postgresql":
        for part, whole in connection.exec_driver_sql(PARTITIONS):
            plan = plan.replace(part, whole)
    return plan


def explain(engine, fetch, query):
    """Return the database's plan for the first query of a page."""
    asked = []

    def listen(_connection, _cursor, statement, parameters, *_):
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", listen)
    with engine.connect() as connection:
        fetch(connection, query)
    sa.event.remove(engine, "before_cursor_execute", listen)
    sqlite = engine.dialect.name == "sqlite"
    how = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF)"
    with engine.connect() as connection:
        page = next(one for one in asked if "LIMIT" in one[0] and "count(*)" not in one[0][:20])
        plan = connection.exec_driver_sql(f"{how} {page[0]}", page[1])
        return [name_tables(connection, row[-1]) for row in plan.all()]


def is_served_by(plan, index, *, filtered):
    """Tell whether an index leads to the rows, and at most one instant or merged page is sorted."""
    text = "\n".join(plan)
    merged = "UNION" in text or "Merge Append" in text
    found = re.search(
        rf"(SEARCH|SCAN) \w+ USING (COVERING )?INDEX {index}\b(?P<filter> \(\w+=\?)?", text
    )
    if found:
        return (merged or "TEMP B-TREE FOR ORDER" not in text) and bool(found["filter"]) == filtered
    text = text.replace("Seq Scan on commands", "")  # which are few
    examined = re.findall(r"(?:rows=|by Filter: )(\d+)", text)
    return re.search(index, text) and "Seq Scan" not in text and max(map(int, examined)) <= 1000


CASES = [(fetch_history, HistoryQuerySchema, *case) for case in HISTORY]
CASES += [(fetch_deliveries, DeliveryQuerySchema, *case) for case in DELIVERIES]
CASES += [(fetch_readings, ReadingQuerySchema, *case) for case in READINGS]


@pytest.mark.parametrize("after", [None, MIDDLE], ids=["first page", "later page"])
@pytest.mark.parametrize(
    ("fetch", "schema", "query", "index"), CASES, ids=[str(case[2]) for case in CASES]
)
def test_query_is_served_by_its_index(reader, fetch, schema, query, index, after):
    filtered = bool(set(query) - {"order", "since", "until"})

    plan = explain(reader, fetch, replace(schema().load(query), after=after))

    assert is_served_by(plan, index, filtered=filtered), "\n".join(plan)


POSITIONS = {"id": ("s500", "1"), "name": ("s5", "s500", "1")}


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({}, "subjects_changed"),
        ({"status": ["active"]}, "subjects_changed"),
        ({"sort": ["created"]}, "subjects_created"),
        ({"status": ["destroyed"]}, "subjects_ended"),
        ({"sort": ["id"]}, "subjects"),
        ({"id": ["s7"]}, "subjects"),
        ({"sort": ["name"]}, "subjects_name"),
        ({"name": ["s7"], "status": ["active"]}, "subjects_name"),
        ({"owner": ["u7"]}, "subjects_owner"),
        ({"owner": ["u7"], "status": ["destroyed"], "sort": ["changed"]}, "subjects_owner"),
    ],
)
def test_list_of_subjects_is_served_by_its_index(reader, query, index, is_first):
    fetch = partial(fetch_subjects, kind=SubjectType.GROUP)
    asked = SubjectListSchema().load(query)
    after = None if is_first else POSITIONS.get(asked.filters["sort"], MIDDLE)
    plan = "\n".join(explain(reader, fetch, replace(asked, after=after)))

    assert re.search(rf"ix_{index}\b|pk_{index}\b|autoindex_{index}_1", plan), plan
    assert "Seq Scan" not in plan
    assert "UNION" in plan or "TEMP B-TREE" not in plan, plan


@pytest.mark.parametrize("after", [None, MIDDLE])
def test_events_of_a_user_are_served_by_an_index_for_each_role(reader, after):
    def fetch(connection, query):
        fetch_user_events(connection, "u7", query)

    plan = "\n".join(explain(reader, fetch, replace(UserQuerySchema().load({}), after=after)))

    for index in (f"{EVENTS}_operator_occurred_at", f"{EVENTS}_owner_occurred_at", MEMBERS):
        assert re.search(index, plan), plan
    assert "Seq Scan" not in plan


def test_what_a_user_has_joined_is_found_among_the_newest_mentions(reader):
    plan = "\n".join(explain(reader, fetch_joined, "u7"))

    assert re.search(MEMBERS, plan), plan
    assert "Seq Scan" not in plan
    assert "SCAN lifecycle" not in plan


def test_missing_index_would_be_noticed(reader):
    def fetch(connection, _):
        query = sa.select(LifecycleEvent).where(LifecycleEvent.name == "x")
        connection.execute(query.order_by(LifecycleEvent.occurred_at).limit(51)).all()

    plan = explain(reader, fetch, None)

    assert not is_served_by(plan, f"{EVENTS}_name_occurred_at", filtered=True)


def test_last_callback_of_each_command_is_found_by_an_index(reader):
    plan = explain(reader, lambda connection, _: find_last_commands(connection), None)

    assert "ix_deliveries_command_id_received_at" in "\n".join(plan)
