"""Labels are found by an index, as the planners confirm."""

import pytest
import sqlalchemy as sa

from models.database.engine import open_reader
from models.database.labels import find_beginnings, find_parts
from models.vocabulary import Findable
from tests.payloads import group_created

EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}
INDEXES = {
    "sqlite": {
        find_beginnings: "INDEX ix_labels_kind_folded_id (kind=? AND folded>? AND folded<?)",
        find_parts: "label_grams VIRTUAL TABLE INDEX",
    },
    "postgresql": {
        find_beginnings: "using ix_labels_kind_folded_id",
        find_parts: "on ix_label_grams_grams",
    },
}


@pytest.fixture
def explain(engine, database_url):
    """Return how the database plans the query of a function."""
    if engine.name not in EXPLAIN:
        pytest.skip("looks through the labels")
    reader = open_reader(database_url)
    asked = []

    @sa.event.listens_for(reader, "before_cursor_execute")
    def listen(_connection, _cursor, statement, parameters, *_):
        asked.append((statement, parameters))

    def run(find):
        with reader.connect() as connection:
            if engine.name == "postgresql":  # which reads a small table as a whole
                connection.exec_driver_sql("SET enable_seqscan = off")
                if find is find_parts:  # and an unanalyzed one by its key
                    connection.exec_driver_sql("SET enable_indexscan = off")
            find(connection, Findable.GROUP, "town", 20)
            statement, parameters = asked[-1]
            rows = connection.exec_driver_sql(f"{EXPLAIN[engine.name]} {statement}", parameters)
            return "\n".join(row[-1] for row in rows)

    yield run
    reader.dispose()


@pytest.mark.parametrize("find", [find_beginnings, find_parts])
def test_labels_are_found_by_an_index(deliver, engine, explain, find):
    deliver(group_created())

    plan = explain(find)

    assert INDEXES[engine.name][find] in plan, plan
    assert "TEMP B-TREE" not in plan, plan
