"""States and versions of stored events, in whatever order they arrived."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.database.engine import open_reader
from models.vocabulary import SubjectType
from schemas.api.subjects import VersionsQuerySchema
from services.subjects.events import Subject
from services.subjects.states import fetch_state
from services.subjects.versions import fetch_versions
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
def reader(database_url):
    engine = open_reader(database_url)
    yield engine
    engine.dispose()


def tell(reader, group):
    """Return everything known about a group, without IDs: now, and after each hour of its life.

    The stored present state is the one that follows from all events.
    """
    subject, query = Subject(SubjectType.GROUP, group), VersionsQuerySchema().load({})
    with reader.connect() as connection:
        instants = [NOW + timedelta(hours=hour) for hour in range(12)]
        states = [fetch_state(connection, subject, at) for at in instants]
        assert fetch_state(connection, subject, None) == states[-1]
        versions = fetch_versions(connection, subject, query)
    return without_ids([*states, *versions.items])


def without_ids(value):
    if isinstance(value, dict):
        return {
            name: without_ids(item)
            for name, item in value.items()
            if not name.endswith("id") and name != "last_received_at"
        }
    return [without_ids(item) for item in value] if isinstance(value, list) else value


@given(HISTORIES, st.data())
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
def test_shuffled_arrival_tells_the_same_as_sorted_arrival(reader, deliver, clock, history, data):
    number = next(NUMBERS)
    hours = [int((NOW + timedelta(hours=hour)).timestamp()) * 1000 for hour in range(12)]
    bodies = [
        sample(command, **{**NO_FIELDS, **fields, "EventTime": hours[hour]})
        for hour, (command, fields) in enumerate(history)
    ]
    one, other = f"sorted {number}", f"shuffled {number}"

    shuffled = data.draw(st.permutations(bodies))
    for group, arriving in ((one, bodies), (other, shuffled)):
        for body in arriving:
            assert deliver(body | {"GroupId": group}).status_code == 200
            clock.move(seconds=1)

    assert tell(reader, other) == tell(reader, one)
