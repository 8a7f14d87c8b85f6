"""A repeated callback is told from a new event that looks the same."""

import json
from threading import Barrier, Thread
from uuid import uuid4

import pytest

from models.tables import Delivery, LifecycleEvent
from models.vocabulary import Verdict
from services.journal.records import Kind, Record
from services.recording.callback import to_callback
from services.recording.repeats import Repeats
from tests.conftest import APP, OPEN_APP, signed
from tests.payloads import group_created, sample, topic_changed


def verdicts(rows):
    return [row.verdict for row in rows(Delivery)]


@pytest.fixture(params=["one batch", "several batches"])
def send(request, post, recorder):
    """Post callbacks; record each at once, or all of them at the end."""

    def send(*args, **kwargs):
        assert post(*args, **kwargs).status_code == 200
        if request.param == "several batches":
            recorder.record_available()

    return send


@pytest.fixture
def events(recorder, rows):
    def fetch():
        recorder.record_available()
        return [row.delivery_id for row in rows(LifecycleEvent)]

    return fetch


def test_callback_delivered_twice_is_one_event(send, events, rows, clock):
    send(group_created())
    clock.move(hours=3)
    again = {name: group_created()[name] for name in reversed(group_created())}
    send(again | {"EventTime": 1670574414123})

    assert events() == [1]
    first, second = rows(Delivery)
    assert (first.verdict, second.verdict) == (Verdict.ACCEPTED, Verdict.DUPLICATE)
    assert (first.duplicate_of, second.duplicate_of) == (None, first.id)


@pytest.mark.parametrize(
    "change",
    [
        {"data": json.dumps(group_created(Name="Other")).encode()},
        {"data": json.dumps(group_created(EventTime=1670574414124)).encode()},
        {"data": json.dumps(group_created() | {"Unheard": None}).encode()},
        {"query": {"SdkAppid": OPEN_APP}},
    ],
    ids=["name", "time", "unknown field", "app"],
)
def test_callback_that_differs_is_another_event(send, events, change):
    send(group_created())
    send(group_created(), **change)

    assert events() == [1, 2]


def test_only_events_of_the_same_key_are_looked_up(post, recorder):
    for group_id in ("@TGS#1", "@TGS#2", "@TGS#3"):  # all at one time
        post(group_created(GroupId=group_id))
    recorder.record_available()
    head = {"sdk_app_id": APP, "peer": "", "query_string": ""}
    body = json.dumps(group_created(GroupId="@TGS#2")).encode()
    callback = to_callback(Record(Kind.CALLBACK, uuid4(), recorder.now(), head, body))
    repeats = Repeats()

    with recorder.database.begin() as connection:
        repeats.look_up(connection, [callback])

    assert {key: len(events) for key, events in repeats.events.items()} == {callback.event_key: 1}


@pytest.mark.parametrize("command", ["CallbackAfterCreateGroup", "CallbackAfterGroupDestroyed"])
def test_null_and_absent_time_are_told_by_the_window(send, events, clock, command):
    send(sample(command, EventTime=None) | {"EventTime": None})
    send(sample(command, EventTime=None) | {"EventTime": None})
    clock.move(seconds=61)
    send(sample(command, EventTime=None) | {"EventTime": None})

    assert events() == [1, 3]


def test_equal_callbacks_without_time_are_one_event_for_sixty_seconds(send, events, rows, clock):
    send(topic_changed())
    clock.move(seconds=60)
    send(topic_changed())
    clock.move(microseconds=1)
    send(topic_changed())

    assert events() == [1, 3]
    assert verdicts(rows) == ["accepted", "duplicate", "accepted"]


def test_late_one_repeats_the_event_that_is_near(post, recorder, rows, clock):
    for seconds in (0, 90, -120):  # the last arrived before both, and is recorded after them
        clock.move(seconds=seconds)
        post(topic_changed())
        recorder.record_available()

    assert [row.duplicate_of for row in rows(Delivery)] == [None, None, 1]


@pytest.mark.parametrize("order", [(0, 30, 20), (0, 20, 30)], ids=["late", "in order"])
def test_equal_callbacks_around_another_event_are_two(post, recorder, rows, clock, order):
    """A topic is renamed to A, to B and to A again."""
    bodies = {0: topic_changed(), 20: topic_changed(Name="B"), 30: topic_changed()}
    start = clock.now
    for seconds in order:
        clock.now = start
        clock.move(seconds=seconds)
        post(bodies[seconds])
    recorder.record_available()

    assert verdicts(rows) == ["accepted"] * 3


def test_equal_callbacks_around_another_event_are_two_in_any_batch(send, events, clock):
    for body in (topic_changed(), topic_changed(Name="B"), topic_changed()):
        send(body)
        clock.move(seconds=10)

    assert events() == [1, 2, 3]


@pytest.mark.parametrize(
    "other",
    [
        {"body": topic_changed(GroupId="another")},
        {"body": topic_changed(Name="B"), "query": {"SdkAppid": OPEN_APP}},
        {"body": {"CallbackCommand": "Group.CallbackBeforeSendMsg", "GroupId": "g"}},
    ],
    ids=["group", "app", "no event"],
)
def test_what_happens_elsewhere_does_not_part_repeats(send, events, rows, clock, other):
    send(topic_changed())
    clock.move(seconds=10)
    send(**other)
    clock.move(seconds=10)
    send(topic_changed())
    events()

    assert verdicts(rows)[2] == "duplicate"
    assert rows(Delivery)[2].duplicate_of == 1


def test_event_at_the_same_instant_does_not_part_repeats(send, events, rows, clock):
    send(topic_changed())
    send(topic_changed(Name="B"))
    clock.move(seconds=10)
    send(topic_changed())
    events()

    assert verdicts(rows) == ["accepted", "accepted", "duplicate"]


@pytest.mark.parametrize("body", [group_created(), topic_changed()], ids=["time", "no time"])
def test_concurrent_deliveries_of_one_callback_make_one_event(
    receiver, recorder, rows, clock, body
):
    barrier, statuses = Barrier(8), []

    def post():
        query = {"SdkAppid": APP, **signed(clock)}
        with receiver.test_client() as client:
            barrier.wait()
            answer = client.post("/callback", query_string=query, json=body)
            statuses.append(answer.status_code)

    threads = [Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.record_available()

    assert statuses == [200] * 8
    assert sorted(verdicts(rows)) == ["accepted"] + ["duplicate"] * 7
    assert {row.duplicate_of for row in rows(Delivery)} == {None, 1}
    assert len(rows(LifecycleEvent)) == 1
