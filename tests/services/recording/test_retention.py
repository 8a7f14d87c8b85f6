"""Everything that is too old is purged, and nothing else."""

import json
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from models.clock import EPOCH, write_instant
from models.database.labels import find_parts
from models.tables import (
    Delivery,
    EventMember,
    Label,
    Ledger,
    LifecycleEvent,
    MinuteCount,
    QuarantinedRequest,
)
from models.vocabulary import Findable, Measure, SubjectType
from schemas.tencent import body
from services.operating.replay import replay
from services.recording import loop as loops
from services.recording.ledger import Numbers
from services.recording.loop import Loop
from services.recording.recorder import Recorder
from services.recording.retention import purge as purging
from services.recording.retention.purge import Limits, Purge, find_limits
from services.subjects.events import Subject
from services.subjects.states import fetch_state
from tests.blueprints.console.html import plain
from tests.conftest import APP, KEY, NOW
from tests.payloads import group_changed, group_created, group_destroyed, sample
from tests.services.journal.conftest import wait_until
from tests.services.recording.conftest import callback_record, refusal_record

MESSAGE = {"CallbackCommand": "C2C.CallbackAfterSendMsg"}


@pytest.fixture(autouse=True)
def _deliveries_are_only_added():
    """Override the rule of all other tests: here deliveries are deleted."""


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch):
    monkeypatch.setattr(purging, "FEWEST_DELIVERIES", 3)
    monkeypatch.setattr(purging, "STEP_SECONDS", 0)


@pytest.fixture(autouse=True)
def _right_clock(monkeypatch):
    monkeypatch.setattr(loops, "STEADY_SECONDS", 0)


def joined(**said):
    members = [{"Member_Account": said.pop("member", "bob")}]
    return sample("CallbackAfterNewMemberJoin", **said) | {"NewMemberList": members}


def left(**said):
    return sample("CallbackAfterMemberExit", **said)


def renamed(**said):
    """A change of the name alone."""
    return group_changed(**{"Introduction": None, "Notification": None, "FaceUrl": None, **said})


def group_body():
    return json.dumps(group_destroyed(EventTime=None)).encode()


@pytest.fixture
def state(app):
    """Read the state of a group."""

    def state(group="A", at=None):
        with app.extensions["runtime"].connect() as connection:
            return fetch_state(connection, Subject(SubjectType.GROUP, group), at)

    return state


def labels(rows, kind):
    return sorted((row.holder_id, row.folded) for row in rows(Label) if row.kind == kind)


def test_group_that_has_ended_goes_with_all_that_tells_of_it(
    happen, record, rows, purge, clock, app
):
    happen(group_created, Owner_Account="ann")
    happen(joined, member="bob")
    happen(group_destroyed, MemberList=[{"Member_Account": "bob"}])
    happen(group_created, "B", MemberList=None)
    happen(joined, "B", member="cid")
    record()
    clock.move(minutes=1)

    assert purge(everything=clock()) == 3

    assert [row.subject_id for row in rows(LifecycleEvent)] == ["B", "B"]
    assert len(rows(Delivery)) == 2
    assert [row.user_id for row in rows(EventMember)] == ["cid"]
    assert {holder for holder, _ in labels(rows, "group")} == {"B"}
    assert "bob" not in dict(labels(rows, "user"))
    assert "cid" in dict(labels(rows, "user"))
    with app.extensions["runtime"].connect() as connection:
        assert find_parts(connection, Findable.GROUP, "firstgroup", 9) == [(APP, "B")]
        assert find_parts(connection, Findable.USER, "bo", 9) == []
    assert purge(everything=clock()) == 0
    assert [row.kept_since for row in rows(Ledger)] == [clock()]
    assert sum(row.value for row in rows(MinuteCount) if row.measure == "received") == 5


def test_group_that_lives_keeps_what_its_state_rests_on(happen, record, rows, purge, clock, state):
    happen(group_created, Name="One", Owner_Account="ann")
    happen(renamed, Name="Two", Introduction="x")
    happen(renamed, Name="Three")
    for number in range(5):
        happen(joined, member=f"user{number}")
    record()
    clock.move(minutes=1)
    before = state()

    assert purge(everything=clock()) == 4

    assert [row.id for row in rows(LifecycleEvent)] == [1, 2, 3, 8]
    assert state() == before
    assert [holder for holder, _ in labels(rows, "user") if holder[:4] == "user"] == ["user4"]


def test_value_that_came_back_is_kept_since_then(happen, record, rows, purge, clock, state):
    happen(group_created, Name="One")
    happen(renamed, Name="Two")
    happen(renamed, Name="Three")
    happen(renamed, Name="One")
    happen(left)
    record()
    clock.move(minutes=1)
    before = state()

    assert purge(everything=clock()) == 1

    assert state() == before
    assert [row.name for row in rows(LifecycleEvent)] == ["One", "Three", "One", None]
    happen(renamed, Name="Two")
    record()
    clock.move(minutes=1)
    assert purge(everything=clock()) == 3


def test_state_rests_on_what_was_stamped_far_ahead_as_well(happen, record, purge, clock, state):
    in_a_month = int((clock() + timedelta(days=30)).timestamp() * 1000)
    happen(group_created, Name="x")
    happen(renamed, Name="y", EventTime=in_a_month)
    record()
    was = state()
    clock.move(minutes=1)

    purge(everything=clock())

    assert was["name"] == "y"
    assert state(at=clock() + timedelta(days=60)) == state() == was


def test_what_is_purged_is_said_to_be(happen, record, purge, clock, read, client):
    def look(page, at):
        key = {"Authorization": f"Bearer {KEY}"}
        return plain(client.get(f"/console/{page}?at={write_instant(at)}", headers=key).text)

    happen(group_created)
    record()
    clock.move(minutes=1)
    limit = clock()
    purge(everything=limit)

    assert read("/groups/A", at=limit.isoformat())["status"] == "active"
    problem = read("/groups/A", 400, at=(limit - timedelta(seconds=1)).isoformat())
    assert problem["errors"]["at"][0].startswith("What happened before 2026-11-21T07:02:00")
    assert "What happened before 2026-11-21 07:02:00 was purged." in look(
        "groups/A", at=limit - timedelta(seconds=1)
    )
    assert "purged" not in look("groups/A", at=limit)


def test_what_stayed_goes_once_something_newer_replaces_it(happen, record, rows, purge, clock):
    happen(group_created, Name="One")
    happen(renamed, Name="Two")
    record()
    clock.move(minutes=1)
    purge(everything=clock())
    happen(renamed, Name="Three")
    record()
    clock.move(minutes=1)

    assert purge(everything=clock()) == 1

    assert [row.name for row in rows(LifecycleEvent)] == ["One", "Three"]
    assert {text for _, text in labels(rows, "group")} == {"a", "one", "three"}


def test_end_stays_while_something_after_it_is_kept(happen, record, rows, purge, clock, state):
    happen(group_created)
    happen(group_destroyed)
    end = clock()
    happen(left)
    record()

    assert purge(everything=end + timedelta(seconds=1)) == 0
    assert state()["status"] == "destroyed"

    assert purge(everything=clock() + timedelta(seconds=1)) == 3
    assert rows(LifecycleEvent) == rows(Delivery) == rows(Label) == []


def test_unhandled_deliveries_may_go_earlier(post, happen, record, rows, purge, clock):
    for _ in range(5):
        post(MESSAGE)
    happen(group_created)
    record()
    clock.move(minutes=1)

    assert purge(unhandled=clock()) == 5

    assert [row.verdict for row in rows(Delivery)] == ["accepted"]


def test_delivery_whose_event_was_read_later_is_no_unhandled_one(
    post, record, rows, purge, clock, recorder, monkeypatch
):
    with monkeypatch.context() as before:
        before.setattr(body, "LIFECYCLE_SCHEMAS", {})
        post(group_created())
        record()
    replay(recorder.database.engine, dry_run=False)
    clock.move(minutes=1)

    assert purge(unhandled=clock()) == 0
    assert [row.verdict for row in rows(Delivery)] == ["unhandled"]


def test_refused_requests_go_as_well(post, record, rows, purge, clock):
    for _ in range(4):
        post(group_created(), query={"Sign": "0" * 64})
    record()
    clock.move(minutes=1)

    assert purge(everything=clock()) == 4

    assert rows(QuarantinedRequest) == []


def test_what_was_purged_is_neither_recorded_nor_counted_again(
    write, recorder, rows, purge, counted, clock
):
    write(callback_record(1), callback_record(2, body=group_body()), refusal_record(3))
    write(callback_record(60))
    recorder.record_available()
    purge(everything=NOW + timedelta(seconds=30), unhandled=NOW + timedelta(seconds=90))
    before = counted(Measure.RECEIVED)
    clock.move(days=2)

    assert recorder.record_again(EPOCH) == 4

    assert rows(Delivery) == rows(LifecycleEvent) == rows(QuarantinedRequest) == []
    assert counted(Measure.RECEIVED) == before


def test_nothing_that_arrives_is_too_old_although_the_clock_was_ahead(
    happen, post, record, rows, purge, clock
):
    clock.move(days=400)
    purge(unhandled=clock() - timedelta(days=1), everything=clock() - timedelta(days=30))
    clock.move(days=-400)
    happen(group_created)
    post(MESSAGE)
    record()

    assert len(rows(Delivery)) == 2
    [ledger] = rows(Ledger)
    assert max(ledger.kept_since, ledger.unhandled_kept_since) < clock()


def test_many_of_one_instant_go_in_one_step(post, record, rows, purge, clock):
    for number in range(9):
        post({**MESSAGE, "n": number})
    record()

    assert purge(everything=clock() + timedelta(seconds=1)) == 9


def test_step_grows_while_it_is_quick_and_shrinks_once_it_is_slow(
    write, recorder, clock, monkeypatch
):
    write(*map(callback_record, range(40)))
    recorder.record_available()
    purging_all, limits = Purge(recorder.database), Limits(EPOCH, clock.now + timedelta(days=1))

    monkeypatch.setattr(purging, "FEWEST_DELIVERIES", 4)
    monkeypatch.setattr(purging, "STEP_SECONDS", 3600)
    purging_all.most = 4
    assert [purging_all.step(limits).seen for _ in range(4)] == [4, 5, 6, 7]

    monkeypatch.setattr(purging, "STEP_SECONDS", 0)
    assert [purging_all.step(limits).seen for _ in range(3)] == [8, 4, 4]


def test_step_of_large_bodies_has_fewer_of_them(write, recorder, monkeypatch):
    monkeypatch.setattr(purging, "FEWEST_DELIVERIES", 10)
    large = json.dumps({"CallbackCommand": "Group.Any", "x": "x" * 10_000}).encode()
    write(*(callback_record(number, body=large) for number in range(9)))
    recorder.record_available()

    assert Purge(recorder.database).step(Limits(EPOCH, NOW + timedelta(days=1))).seen == 3


def test_one_step_keeps_the_names_of_many_groups_apart(
    happen, record, rows, purge, clock, monkeypatch
):
    monkeypatch.setattr(purging, "FEWEST_DELIVERIES", 50)
    for group in "ABC":
        happen(group_created, group, Name=f"{group} one")
        happen(renamed, group, Name="NAMED ALIKE")
        happen(renamed, group, Name="Two")
    happen(group_destroyed, "B")
    happen(renamed, "C", Name="named alike")
    record()
    clock.move(minutes=1)

    purge(everything=clock() - timedelta(seconds=90))

    found = labels(rows, "group")
    assert {holder for holder, _ in found} == {"A", "C"}
    assert {text for holder, text in found if holder == "A"} == {"a", "aone", "two"}
    assert {text for holder, text in found if holder == "C"} == {"c", "cone", "two", "namedalike"}


def test_limits_are_full_hours(recorder_settings):
    day = timedelta(days=1)
    assert find_limits(recorder_settings, NOW) == (EPOCH, EPOCH)
    settings = replace(recorder_settings, retention=3 * day, unhandled_retention=day)
    limits = find_limits(settings, NOW)
    assert limits.all <= NOW - 3 * day < limits.all + timedelta(hours=1)
    assert limits.unhandled == limits.all + 2 * day
    settings = replace(recorder_settings, retention=day, unhandled_retention=3 * day)
    assert find_limits(settings, NOW).unhandled == find_limits(settings, NOW).all


CHOICES = (group_created, renamed, joined, left, group_destroyed, group_changed)


@pytest.mark.parametrize("seed", range(6))
def test_state_at_any_time_since_is_what_it_was(
    happen, record, purge, clock, state, seed, monkeypatch
):
    monkeypatch.setattr(purging, "FEWEST_DELIVERIES", (3, 50)[seed % 2])
    chance, begun = Random(seed), clock()
    for _ in range(40):
        happen(chance.choice(CHOICES), chance.choice("ABC"), Name=chance.choice("xyz"))
    record()
    times = [begun + timedelta(minutes=chance.randrange(10, 41)) for _ in range(9)]

    for limit in sorted(times):
        since = [at for at in times if at >= limit]
        before = {(group, at): state(group, at) for group in "ABC" for at in since}
        purge(everything=limit)
        for (group, at), was in before.items():
            found = state(group, at)
            if found is None:
                assert was is None or (was["status"] == "destroyed" and was["changed_at"] < limit)
            else:
                assert found | {"life": 0} == was | {"life": 0}
        for group in "ABC":  # the kept state is the one that follows from the remaining events
            assert state(group) == state(group, clock() + timedelta(days=1))


def test_loop_purges_once_it_has_nothing_else_to_do(recorder_settings, clock, write, rows):
    settings = replace(recorder_settings, unhandled_retention=timedelta(days=1))
    with closing(Recorder(settings, clock)) as recorder:
        loop = Loop(recorder)
        write(*map(callback_record, range(7)))
        loop.work()
        clock.move(days=2)
        while loop.purged != find_limits(settings, clock()):
            loop.work()

        assert rows(Delivery) == []


def test_loop_purges_as_many_as_it_records(recorder_settings, clock, write, rows):
    settings = replace(recorder_settings, unhandled_retention=timedelta(days=1))
    with closing(Recorder(settings, clock)) as recorder:
        loop = Loop(recorder)
        write(*map(callback_record, range(60)))
        loop.work()
        loop.purge()
        clock.move(days=2)
        for first in (0, 25):
            later = 2 * 86400 + first
            write(*map(callback_record, range(later, later + 25)))
            loop.chores[loop.purge] = (0.0, 0.0)
            loop.work()

            assert len(rows(Delivery)) == 60


def test_purge_that_fails_holds_up_nothing(
    recorder_settings, clock, write, rows, administer, caplog
):
    settings = replace(recorder_settings, retention=timedelta(days=1))
    administer("ALTER TABLE quarantined_requests RENAME TO elsewhere")
    with closing(Recorder(settings, clock)) as recorder:
        loop = Loop(recorder)
        for number in range(3):
            write(callback_record(number))
            for _ in range(4):
                loop.work()

        assert len(rows(Delivery)) == 3
        (told,) = caplog.messages
        assert told.startswith("old deliveries are not purged yet: ")


def test_purge_that_has_met_a_lock_goes_on_soon(
    recorder_settings, clock, write, rows, monkeypatch, recorder
):
    monkeypatch.setattr("services.recording.loop.RETRY_SECONDS", 0)
    settings = replace(recorder_settings, retention=timedelta(days=1))
    with closing(Recorder(settings, clock, lock_wait=timedelta(milliseconds=1))) as purger:
        loop = Loop(purger)
        write(callback_record())
        loop.work()
        clock.move(days=2)
        with recorder.database.begin() as connection:
            Numbers.lock(connection)
            loop.purge()
        assert len(rows(Delivery)) == 1
        while loop.purged != find_limits(settings, clock()):
            loop.purge()

        assert rows(Delivery) == []


@pytest.mark.any_engine
def test_clock_that_was_just_set_purges_nothing(recorder_settings, clock, write, rows, monkeypatch):
    monkeypatch.setattr(loops, "STEADY_SECONDS", 0.1)
    settings = replace(recorder_settings, retention=timedelta(days=1))
    with closing(Recorder(settings, clock)) as recorder:
        loop = Loop(recorder)
        write(callback_record())
        loop.work()
        wait_until(lambda: loop.is_steady(clock()))
        clock.move(days=2)
        loop.purge()
        assert len(rows(Delivery)) == 1
        wait_until(lambda: loop.purge() or loop.purged == find_limits(settings, clock()))

        assert rows(Delivery) == []
