"""Reading bodies: documented, odd and arbitrary."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.text import dump_json
from schemas.tencent.body import Reading, read_callback
from schemas.tencent.envelope import Envelope
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from schemas.tencent.strict_json import MAX_DEPTH, parse_json
from schemas.tencent.wire import MAX_FAULTS
from services.recording.callback import make_event_key
from tests.payloads import SAMPLES, group_created, group_destroyed, sample


def naming(*commands):
    return Envelope(commands=commands)


LIFECYCLE_SAMPLES = [body for body in SAMPLES if body["CallbackCommand"] in LIFECYCLE_SCHEMAS]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
surrogates = st.text(st.characters(categories=["Cs", "Lu", "Cc"]), min_size=1)


def test_every_lifecycle_command_has_a_documented_sample():
    assert set(LIFECYCLE_SCHEMAS) == {body["CallbackCommand"] for body in LIFECYCLE_SAMPLES}


def test_subject_and_action_tell_the_command():
    told = {(schema.subject_type, schema.action) for schema in LIFECYCLE_SCHEMAS.values()}

    assert len(told) == len(LIFECYCLE_SCHEMAS)


@pytest.mark.parametrize("body", LIFECYCLE_SAMPLES, ids=lambda body: body["CallbackCommand"])
def test_documented_sample_loses_nothing(body):
    fact = read_callback(Envelope(), json.dumps(body).encode()).fact

    shown = {fact.subject_id, fact.operator, fact.owner, fact.name, fact.event_time, *fact.members}
    for name, value in body.items():
        if name == "EventTime":
            assert fact.event_time == int(value)
        elif name.endswith(("MemberList", "AccountList")):
            assert fact.members == tuple(item for entry in value for item in entry.values())
        elif name != "CallbackCommand":
            assert fact.details.get(name) == value or value in shown


@pytest.mark.parametrize("body", LIFECYCLE_SAMPLES, ids=lambda body: body["CallbackCommand"])
def test_users_are_named_by_no_command_but_those_that_say_so(body):
    lists = ("MemberList", "NewMemberList", "ExitMemberList", "SubscribeAccountList")
    users = [{"Member_Account": "bob", "Subscriber_Account": "bob"}]
    body = {**body, "Member_Account": "bob", **dict.fromkeys(lists, users)}

    fact = read_callback(Envelope(), json.dumps(body).encode()).fact

    assert ("bob" in fact.members) is LIFECYCLE_SCHEMAS[body["CallbackCommand"]].names_users


@pytest.mark.parametrize("body", LIFECYCLE_SAMPLES, ids=lambda body: body["CallbackCommand"])
def test_only_the_id_of_the_subject_is_required(body):
    subject = "GroupId" if "GroupId" in body else "Official_Account"
    least = {"CallbackCommand": body["CallbackCommand"], subject: body[subject]}

    assert read_callback(Envelope(), json.dumps(least).encode()).fact.subject_id == body[subject]
    del least[subject]
    assert read_callback(Envelope(), json.dumps(least).encode()).errors.keys() == {subject}


@pytest.mark.parametrize("body", LIFECYCLE_SAMPLES, ids=lambda body: body["CallbackCommand"])
def test_null_is_as_good_as_absent_and_another_type_is_an_error(body):
    others = {"CallbackCommand", "GroupId", "Official_Account", "InviteOption"}
    for name in set(body) - others:
        nulled = read_callback(Envelope(), json.dumps(body | {name: None}).encode())
        mistyped = read_callback(Envelope(), json.dumps(body | {name: True}).encode())

        assert nulled.fact is not None
        assert set(mistyped.errors) == {name}


@pytest.mark.parametrize("command", sorted(LIFECYCLE_SCHEMAS))
def test_unknown_fields_are_kept_and_cannot_shadow_ours(command):
    unknown = {"subject_id": "x", "owner": 1, "members": [2], "details": {"a": None}, "Neu": 1.5}
    subject = "GroupId" if command.startswith("Group.") else "Official_Account"

    fact = read_callback(naming(command), json.dumps({subject: "id", **unknown}).encode()).fact

    assert (fact.subject_id, fact.owner, fact.members) == ("id", None, ())
    assert fact.details == unknown


@pytest.mark.parametrize(
    ("event_time", "read"),
    [
        (1670574414123, 1670574414123),
        ("1670574414123", 1670574414123),
        ("0001", 1),
        (0, 0),
        (None, None),
        (253402300799999, 253402300799999),
    ],
)
def test_event_time_may_be_a_number_or_its_digits(event_time, read):
    body = json.dumps(group_created() | {"EventTime": event_time})

    assert read_callback(Envelope(), body.encode()).fact.event_time == read


@pytest.mark.parametrize(
    "event_time",
    [1.5, 1e3, -1, True, "", " 1", "1 ", "1_0", "0x1", "-1", "1.0", "\u0661", "9" * 17, 10**16, []],
)
def test_event_time_that_is_no_instant_is_an_error(event_time):
    body = json.dumps(group_created() | {"EventTime": event_time})

    assert read_callback(Envelope(), body.encode()).errors.keys() == {"EventTime"}


@pytest.mark.parametrize("attributes", [["k1"], [{"key": "k1"}], [None], []])
def test_form_of_group_attributes_is_not_documented_for_every_case(attributes):
    body = json.dumps(sample("CallbackAfterGroupAttrChanged") | {"GroupAttr": attributes})

    assert read_callback(Envelope(), body.encode()).fact.details["GroupAttr"] == attributes


def test_members_of_whom_more_is_said_stay_in_the_details():
    members = [{"Member_Account": "a"}, {"Member_Account": "b", "Role": "Admin"}]

    fact = read_callback(Envelope(), json.dumps(group_destroyed(MemberList=members)).encode()).fact

    assert fact.members == ("a", "b")
    assert fact.details["MemberList"] == members


def test_owner_change_keeps_an_owner_nobody_documented():
    body = sample("CallbackAfterChangeGroupOwner") | {"Owner_Account": "user0"}

    fact = read_callback(Envelope(), json.dumps(body).encode()).fact

    assert (fact.owner, fact.details["Owner_Account"]) == ("user2", "user0")


def test_only_the_first_faults_of_a_list_are_named():
    body = b'{"GroupId":"g","MemberList":[' + b"1," * 500_000 + b"1]}"

    reading = read_callback(naming("Group.CallbackAfterGroupDestroyed"), body)

    assert len(reading.errors["MemberList"]) == MAX_FAULTS


def test_key_that_appears_twice_among_many_is_found_at_once():
    keys = b",".join(b'"%x":0' % number for number in range(200_000))

    reading = read_callback(naming("Group.Any"), b"{" + keys + b',"30d3f":1}')

    assert reading.errors == {"body": ["Key '30d3f' appears twice."]}


def test_topic_ids_may_be_one_string():
    body = json.dumps(sample("CallbackAfterTopicDestroyed") | {"TopicIdList": "@TOPIC#_1"})

    assert read_callback(Envelope(), body.encode()).fact.details["TopicIdList"] == "@TOPIC#_1"


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"a":['])
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 990, 5000, 500_000])
def test_depth_bomb_is_an_error(opening, depth):
    closing = opening.replace(b'"a":', b"")[::-1].translate(bytes.maketrans(b"[{", b"]}"))
    bomb = b'{"x":' + opening * depth + b"1" + closing * depth + b"}"

    assert read_callback(naming("Group.Any"), bomb).errors == {
        "body": [f"Nested more than {MAX_DEPTH} levels deep."]
    }


def test_byte_order_mark_before_a_body_is_skipped():
    body = json.dumps(group_created()).encode()

    assert read_callback(Envelope(), b"\xef\xbb\xbf" + body) == read_callback(Envelope(), body)


def test_compressed_body_is_called_by_its_name():
    reading = read_callback(Envelope(), gzip.compress(json.dumps(group_created()).encode()))

    assert reading.errors == {"body": ["Compressed with gzip; Tencent sends plain JSON."]}


def test_reading_comes_back_from_json_as_it_was():
    for body in (*LIFECYCLE_SAMPLES, {"CallbackCommand": "Group.Any"}, group_created(Name=1), {}):
        reading = read_callback(Envelope(client_ip="192.0.2.1"), json.dumps(body).encode())
        again = Reading.of(json.loads(json.dumps(reading)))

        assert json.dumps(again) == json.dumps(reading)
        assert (again.fact and again.fact.subject_id) == (reading.fact and reading.fact.subject_id)


def test_deepest_allowed_body_can_be_written_again():
    deepest = b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1)
    body = b'{"CallbackCommand":"Group.Any","x":' + deepest + b"}"

    assert read_callback(Envelope(), body).errors is None
    assert dump_json(parse_json(body))


@given(st.binary())
def test_no_bytes_make_reading_fail(raw):
    reading = read_callback(naming("Group.CallbackAfterGroupDestroyed"), raw)

    assert reading.errors


@given(values)
def test_no_json_value_makes_reading_fail(value):
    reading = read_callback(naming("Group.CallbackAfterGroupDestroyed"), json.dumps(value).encode())

    assert (reading.fact is None) == (reading.errors is not None)


@given(st.dictionaries(st.sampled_from(sorted(group_destroyed())), values))
def test_no_value_of_a_documented_field_makes_reading_fail(changes):
    body = group_destroyed() | changes
    command = "Group.CallbackAfterGroupDestroyed"

    reading = read_callback(naming(command), json.dumps(body).encode())

    assert (reading.fact is None) == (reading.errors is not None)


@given(st.dictionaries(st.text() | surrogates, values | surrogates))
def test_what_is_written_again_says_the_same(body):
    sent = parse_json(json.dumps(body).encode())

    assert sent == json.loads(json.dumps(body))
    assert parse_json(dump_json(sent).encode()) == sent


@given(st.dictionaries(st.text(), values), st.randoms(), st.integers(0, 10**15))
def test_make_event_key_ignores_order_and_spelling_of_time(body, random, event_time):
    shuffled = list(body.items())
    random.shuffle(shuffled)
    as_text = dict(shuffled) | {"EventTime": str(event_time)}
    as_number = body | {"EventTime": event_time}

    assert make_event_key("1", "c", as_text, event_time) == make_event_key(
        "1", "c", as_number, event_time
    )


@given(st.dictionaries(st.text(), scalars, min_size=1), st.data())
def test_make_event_key_changes_with_any_field(body, data):
    name = data.draw(st.sampled_from(sorted(body)))
    changed = body | {name: [body[name]]}

    assert make_event_key("1", "c", body, None) != make_event_key("1", "c", changed, None)
    assert make_event_key("1", "c", body, None) != make_event_key("1", "d", body, None)
    assert make_event_key("1", "c", body, None) != make_event_key("2", "c", body, None)
