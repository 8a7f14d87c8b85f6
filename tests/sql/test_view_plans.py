"""Conditions on the views use the indexes of their tables, as the planners confirm."""

import re

import pytest

from tests.conftest import NAMES
from tests.services.reading.test_plans import filled_database, name_tables

HOUR = "'2026-01-01 01:00:00' AND '2026-01-01 01:00:59'"
CASES = [
    ("channel_history", "channel_id = 's7'", "ix_lifecycle_events_subject_"),
    ("group_history", "group_id = 's7'", "ix_lifecycle_events_subject_"),
    (
        "group_history",
        f"group_id = 's7' AND occurred_at BETWEEN {HOUR}",
        "ix_lifecycle_events_subject_id_occurred_at",
    ),
    ("channel_history", f"occurred_at BETWEEN {HOUR}", "occurred_at"),
    ("group_history", f"occurred_at BETWEEN {HOUR}", "occurred_at"),
    ("group_history", "operator = 'u7'", "ix_lifecycle_events_operator_occurred_at"),
    ("members_at_end", "group_id = 's7'", "ix_lifecycle_events_subject_action"),
    (
        "members_at_end",
        f"destroyed_at BETWEEN {HOUR}",
        "ix_lifecycle_events_subject_type_action_occurred_at",
    ),
    ("members_at_end", "user_id = 'u7'", "event_members"),
    ("channels_now", "channel_id = 's7'", ""),
    (
        "groups_now",
        "status = 'active' AND created_at < '2026-01-01 00:00:09'",
        "ix_subjects_created",
    ),
    ("groups_now", "owner = 'u7'", "ix_subjects_owner"),
    ("callback_problems", "kind = 'invalid'", "ix_deliveries_verdict_received_at"),
    ("callback_problems", f"received_at BETWEEN {HOUR}", "ix_deliveries_verdict_received_at"),
]


@pytest.fixture(scope="module", params=NAMES)
def full(request):
    """A connection that reads a database with some thousand events."""
    with filled_database(request) as engine, engine.connect() as connection:
        yield connection


def explain(connection, query):
    """Return the plan of a query, and what it scans as a whole."""
    name = connection.dialect.name
    how = "EXPLAIN QUERY PLAN" if name == "sqlite" else "EXPLAIN"
    steps = connection.exec_driver_sql(f"{how} {query}").all()
    if name == "mysql":
        whole = [step.table for step in steps if step.type in ("ALL", "index")]
    else:
        text = name_tables(connection, "\n".join(step[-1] for step in steps))
        whole = re.findall(r"^SCAN (\w+)|Seq Scan on (\w+)", text, re.MULTILINE)
        whole = ["".join(names) for names in whole]
    return name_tables(connection, "\n".join(map(str, steps))), {
        table
        for table in whole
        # These are few: rows gathered from an index, names, and the quarantine.
        if table not in ("callback_problems", "commands", "quarantined_requests", "<derived2>")
    }


@pytest.mark.parametrize(("view", "condition", "index"), CASES, ids=lambda part: part[:40])
def test_view_is_served_by_an_index(full, view, condition, index):
    plan, whole = explain(full, f"SELECT * FROM {view} WHERE {condition}")

    assert index in plan
    assert not whole, plan


def test_view_without_an_index_would_be_noticed(full):
    plan, whole = explain(full, "SELECT * FROM lifecycle_events WHERE client_ip = 'x'")

    assert whole == {"lifecycle_events"}, plan
