"""Storing callbacks: what the other tests can't reach over HTTP."""

import json
from threading import Barrier, Thread

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app import create_app
from config import ApiKey, Settings
from models import Delivery, LifecycleEvent
from models.session import open_engine
from services.ingest import is_conflict, store_callbacks
from services.repeats import FIND_EVENTS
from tests.conftest import KEY, OPEN_APP
from tests.payloads import group_created, topic_changed
from tests.services.test_spool import make_callback


def test_deadlock_counts_as_a_conflict(database_url, engine):
    if engine.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    writing = open_engine(database_url)
    with writing.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE pair (id INTEGER PRIMARY KEY, x INTEGER)")
        connection.exec_driver_sql("INSERT INTO pair VALUES (1, 0), (2, 0)")
    barrier, errors = Barrier(2), []

    def update(first, second):
        try:
            with writing.begin() as connection:
                connection.exec_driver_sql(f"UPDATE pair SET x = 1 WHERE id = {first}")
                barrier.wait()
                connection.exec_driver_sql(f"UPDATE pair SET x = 1 WHERE id = {second}")
        except DBAPIError as error:
            errors.append(error)

    threads = [Thread(target=update, args=args) for args in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    writing.dispose()
    assert [is_conflict(error) for error in errors] == [True]


def test_other_failure_is_no_conflict(app):
    with (
        app.extensions["runtime"].database.writes() as session,
        pytest.raises(DBAPIError) as error,
    ):
        session.execute(sa.text("SELECT nothing FROM nowhere"))

    assert not is_conflict(error.value)


def test_event_follows_the_last_occurrence_though_earlier_ones_are_gone(app, deliver, clock):
    for _ in range(3):
        deliver(topic_changed())
        clock.move(minutes=5)
    with app.extensions["runtime"].database.writes.begin() as session:
        session.execute(sa.text("/* retention */ DELETE FROM lifecycle_events WHERE id = 1"))

    assert deliver(topic_changed()).status_code == 200
    with app.extensions["runtime"].database.reads() as session:
        numbers = session.scalars(sa.select(LifecycleEvent.occurrence)).all()
    assert sorted(numbers) == [1, 2, 3]


def test_history_is_read_where_database_read_url_says(engine, tmp_path):
    with engine.clone() as url, engine.clone() as replica:
        settings = Settings(
            {OPEN_APP: ()},
            url,
            replica,
            api_keys=(ApiKey("tests", KEY),),
            spool_dir=tmp_path,
        )
        app = create_app(settings)
        client = app.test_client()
        headers = {"Authorization": f"Bearer {KEY}"}
        client.post("/callback", query_string={"SdkAppid": OPEN_APP}, json=group_created())

        for address in ("/history", "/deliveries"):
            assert client.get(address, headers=headers).get_json()["items"] == []
        app.extensions["runtime"].close()


def test_new_events_cost_no_look_up_and_repeats_among_them_are_found(database_url):
    writing, said = open_engine(database_url), []
    sa.event.listen(
        writing, "before_cursor_execute", lambda *args: said.append(args[2].split()[0].upper())
    )

    def store(*groups):
        said.clear()
        bodies = [group_created(GroupId=group) for group in groups]
        store_callbacks(writing, [make_callback(json.dumps(body).encode()) for body in bodies])
        return [word for word in said if word in ("SELECT", "INSERT")]

    assert store("a", "b") == ["INSERT", "INSERT", "INSERT"]
    assert "SELECT" in store("c", "a", "c")
    with writing.connect() as connection:
        groups = sa.select(LifecycleEvent.subject_id).order_by(LifecycleEvent.id)
        assert connection.scalars(groups).all() == ["a", "b", "c"]
        assert connection.scalar(sa.select(sa.func.count(Delivery.id))) == 5
        assert connection.scalar(sa.select(sa.func.count(Delivery.duplicate_of))) == 2
    writing.dispose()


def test_repeats_are_looked_up_by_index_even_without_statistics(database_url, engine):
    if engine.name != "postgresql":
        pytest.skip("others plan without statistics as with them")
    writing = open_engine(database_url)
    bodies = [group_created(GroupId=f"g{number}") for number in range(500)]
    store_callbacks(writing, [make_callback(json.dumps(body).encode()) for body in bodies])
    keys = [f"{number:064}" for number in range(64)]
    query = FIND_EVENTS.params(keys=keys).compile(writing, compile_kwargs={"literal_binds": True})

    with writing.connect() as connection:
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {query}").scalars())
    writing.dispose()

    assert "Index" in plan
    assert "Seq Scan" not in plan
