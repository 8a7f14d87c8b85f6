"""The outline of a subject tells the same as all of its events, on every database."""

from datetime import timedelta
from itertools import pairwise
from random import Random
from uuid import UUID

import pytest
import sqlalchemy as sa

from models.database.engine import open_reader, open_writer
from models.tables import LifecycleEvent
from models.vocabulary import Action, SubjectType
from services.lists.effects import add_effects
from services.reading.history import LISTED
from services.subjects.events import (
    COLUMNS,
    IN_ORDER,
    PLACE,
    Event,
    Subject,
    fetch_last,
    fetch_outline,
    select_events,
)
from services.subjects.lives import TELLING, TYPE, find_last_life, follow_lives
from services.subjects.story import tell
from tests.conftest import NOW

SUBJECTS = [Subject(SubjectType.GROUP, f"g{number}", "1") for number in range(40)]
EVENTS_OF_A_SUBJECT = 30
ENDS = (Action.DESTROYED, Action.DESTROYED, Action.MEMBERS_ADDED, Action.TOPIC_CREATED)


def happenings(subject, chance, first_id):
    """Rows of events in the order of arrival, of which some share an instant, or come late."""
    for event_id in range(first_id, first_id + EVENTS_OF_A_SUBJECT):
        at = NOW + timedelta(seconds=chance.randrange(60))
        fields = {"Type": chance.choice("XY")} if chance.random() < 0.5 else {}
        yield {
            "id": event_id,
            "delivery_id": event_id,
            "event_key": UUID(int=event_id),
            "subject_type": subject.type,
            "subject_id": subject.id,
            "action": chance.choice([*Action, *ENDS]),
            "sdk_app_id": "2" if chance.random() < 0.1 else subject.sdk_app_id,
            "name": chance.choice([None, "A", "B"]),
            "occurred_at": at,
            "received_at": NOW + timedelta(minutes=event_id),
            "event_time": int(at.timestamp()) * 1000 if chance.random() < 0.8 else None,
            "details": fields,
        }


@pytest.fixture
def reader(database_url):
    """An engine that reads a database with the events of some subjects."""
    writer, chance = open_writer(database_url), Random(1)
    with writer.begin() as connection:
        for number, subject in enumerate(SUBJECTS):
            rows = [*happenings(subject, chance, 1 + number * EVENTS_OF_A_SUBJECT)]
            connection.execute(sa.insert(LifecycleEvent), rows)
    writer.dispose()
    engine = open_reader(database_url)
    yield engine
    engine.dispose()


def fetch_all(connection, subject, *where):
    rows = connection.execute(select_events(subject).where(*where).order_by(*IN_ORDER))
    return [Event._make(row) for row in rows]


def test_outline_tells_the_lives_and_fields_that_all_events_tell(reader):
    with reader.connect() as connection:
        for subject in SUBJECTS:
            every = fetch_all(connection, subject)
            story, whole = tell(subject, fetch_outline(connection, subject)), tell(subject, every)

            assert len(story.steps) < len(every)
            assert [life.number for life in story.lives] == [life.number for life in whole.lives]
            assert story.lives[-1] == whole.lives[-1]
            assert story.versions == whole.versions
            assert story.starts == whole.starts
            rows = [dict(zip(Event._fields, event, strict=True)) for event in every]
            assert [story.find_step(row).life for row in rows] == [one.life for one in whole.steps]


@pytest.mark.parametrize("second", range(0, 60, 12))
def test_outline_up_to_an_instant_tells_the_state_then(reader, second):
    at = NOW + timedelta(seconds=second)
    with reader.connect() as connection:
        for subject in SUBJECTS:
            past = fetch_all(connection, subject, COLUMNS[2] <= at)
            outline = fetch_outline(connection, subject, until=at)

            assert find_last_life(outline) == find_last_life(past)


def test_last_event_before_another_is_found_though_they_share_an_instant(reader):
    with reader.connect() as connection:
        for subject in SUBJECTS[:10]:
            every = fetch_all(connection, subject)
            for before, event in pairwise(every):
                assert fetch_last(connection, subject, before=PLACE(event)) == before


def test_members_who_join_are_not_read(reader):
    with reader.connect() as connection:
        outlines = [fetch_outline(connection, subject) for subject in SUBJECTS]

    silent = [event for outline in outlines for event in outline if event.action not in TELLING]
    begun = sum(life.number > 1 for outline in outlines for life, _ in follow_lives(outline))
    assert begun
    assert len(silent) < len(SUBJECTS) * EVENTS_OF_A_SUBJECT / 3


@pytest.mark.parametrize("most", [1, 64])
def test_few_events_tell_what_each_of_a_list_did(reader, monkeypatch, most):
    monkeypatch.setattr("services.lists.effects.FAR", most)
    with reader.connect() as connection:
        for subject in SUBJECTS[:10]:
            every = fetch_all(connection, subject)
            ids = [event.id for event in every]
            rows = connection.execute(LISTED.where(LifecycleEvent.id.in_(ids))).mappings()
            listed = {row["id"]: dict(row) for row in rows}
            add_effects(connection, [*listed.values()])
            for number, event in enumerate(every):
                before = [one for one in every[:number] if one.action in TELLING]
                *_, (life, changes) = follow_lives([*before, event])
                told = [one for one in changes if one[0] != TYPE]
                is_edge = event.action in (Action.CREATED, Action.DESTROYED)
                assert listed[event.id]["subject_name"] == life.value("name")
                assert [*listed[event.id]["changes"]] == (told if not is_edge else [])
