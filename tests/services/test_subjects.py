"""States and versions of what has been stored, whatever the order in which it came."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.session import Database
from models.vocabulary import SubjectType
from schemas.envelope import Arrival
from schemas.subjects import VersionsQuerySchema
from services.callback import to_callback
from services.ingest import store_callbacks
from services.subject_events import Subject
from services.subjects import fetch_state, fetch_versions
from tests.conftest import NOW
from tests.payloads import sample

COMMANDS = [
    "CallbackAfterCreateGroup",
    "CallbackAfterGroupInfoChanged",
    "CallbackAfterChangeGroupOwner",
    "CallbackAfterGroupFull",
    "CallbackAfterNewMemberJoin",
    "CallbackAfterMemberExit",
    "CallbackAfterGroupDestroyed",
    "CallbackAfterCreateTopic",
]
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "Name": st.sampled_from(["A", "B", ""]),
        "Owner_Account": st.sampled_from(["u1", "u2"]),
        "NewOwner_Account": st.sampled_from(["u1", "u2"]),
        "Introduction": st.sampled_from(["x", ""]),
        "Type": st.sampled_from(["Public", "Private"]),
    },
)
HISTORIES = st.lists(st.tuples(st.sampled_from(COMMANDS), FIELDS), min_size=1, max_size=12)
NO_FIELDS = dict.fromkeys(
    ["Name", "Owner_Account", "NewOwner_Account", "OldOwner_Account", "Introduction", "Type"]
)
NUMBERS = iter(range(10**6))


@pytest.fixture
def database(database_url) -> Iterator[Database]:
    database = Database.open(database_url, database_url)
    yield database
    database.close()


def store(database, bodies):
    """Store callbacks one after the other, each in a transaction and a second of its own."""
    for second, body in enumerate(bodies):
        query = f"SdkAppid=1&CallbackCommand={body['CallbackCommand']}&OptPlatform=Web"
        arrival = Arrival(NOW + timedelta(seconds=second), peer="", query_string=query)
        callback = to_callback(arrival, "1", json.dumps(body).encode())
        assert callback.reading.errors is None
        store_callbacks(database.write_engine, [callback])


def tell(database, group):
    """Tell all there is to know of a group, but for IDs: now, and after each second of its life."""
    subject, query = Subject(SubjectType.GROUP, group), VersionsQuerySchema().load({})
    with database.reads() as session:
        instants = [NOW + timedelta(hours=hour) for hour in range(12)]
        states = [fetch_state(session, subject, at) for at in [None, *instants]]
        versions = fetch_versions(session, subject, query)
    return without_ids([*states, *versions.items])


def without_ids(value):
    if isinstance(value, dict):
        hidden = ("id", "event_id", "last_event_id", "subject_id")
        return {name: without_ids(item) for name, item in value.items() if name not in hidden}
    return [without_ids(item) for item in value] if isinstance(value, list) else value


@given(HISTORIES, st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_shuffled_arrival_tells_the_same_as_sorted_arrival(database, history, data):
    number = next(NUMBERS)
    hours = [int((NOW + timedelta(hours=hour)).timestamp()) * 1000 for hour in range(12)]
    bodies = [
        sample(command, **{**NO_FIELDS, **fields, "EventTime": hours[hour]})
        for hour, (command, fields) in enumerate(history)
    ]
    one, other = f"sorted {number}", f"shuffled {number}"

    store(database, [body | {"GroupId": one} for body in bodies])
    store(database, [body | {"GroupId": other} for body in data.draw(st.permutations(bodies))])

    assert tell(database, other) == tell(database, one)
