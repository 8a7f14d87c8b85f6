"""Differences of a body from what Tencent documents for its command."""

import json
from itertools import islice

import pytest

from schemas.tencent.drift import find_differences
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from services.operating.simulation import simulate
from tests.captures import CAPTURES
from tests.payloads import SAMPLES, channel_changed, channel_destroyed, group_destroyed, sample


def differences(body):
    return sorted(find_differences(LIFECYCLE_SCHEMAS[body["CallbackCommand"]], body))


def differences_of(**changes):
    return differences(group_destroyed(**changes))


def test_field_that_is_not_documented_is_told_with_its_type():
    assert differences_of(Reason="spam") == [("Reason", "string")]
    assert differences_of(Reason=5) == [("Reason", "integer")]


def test_type_that_is_not_documented_is_told():
    assert differences_of(Name=["a"]) == [("Name", "array")]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (channel_changed(Owner_Account="a"), "Owner_Account"),
        (channel_destroyed(Operator_Account="a"), "Operator_Account"),
        (sample("CallbackAfterGroupFull", Type="Public"), "Type"),
        (sample("CallbackAfterTopicInfoChanged", EventTime="1"), "EventTime"),
    ],
)
def test_field_is_told_that_is_documented_for_other_commands_alone(body, field):
    assert differences(body) == [(field, "string")]


def test_fields_of_listed_users_are_compared_too():
    users = [{"Member_Account": "a", "Role": "Owner"}, {"Member_Account": "b", "Role": "Member"}]
    odd = [{"Account": 5}, "c", {"Member_Account": 6}]

    assert differences_of(MemberList=users) == [("MemberList[].Role", "string")]
    assert differences_of(MemberList=odd) == [
        ("MemberList[]", "string"),
        ("MemberList[].Account", "integer"),
        ("MemberList[].Member_Account", "integer"),
    ]


def test_field_that_is_left_out_is_no_difference():
    assert differences_of(Type=None, Owner_Account=None, MemberList=None) == []


def test_null_is_expected_where_it_is_allowed():
    assert differences(group_destroyed() | {"Name": None}) == []


@pytest.mark.parametrize(
    "body", [body for body in SAMPLES if body["CallbackCommand"] in LIFECYCLE_SCHEMAS]
)
def test_documented_sample_has_no_difference(body):
    assert differences(body) == []


@pytest.mark.parametrize(
    "body", [one.body for one in CAPTURES if one.verdict == "accepted"], ids=lambda body: body[:50]
)
def test_real_callback_has_no_difference(body):
    content = json.loads(body)
    schema = LIFECYCLE_SCHEMAS.get(content.get("CallbackCommand"))

    assert schema is None or find_differences(schema, content) == set()


def test_simulated_callback_has_no_difference():
    bodies = islice(simulate(seed=1), 300)
    compared = [body for body in bodies if body["CallbackCommand"] in LIFECYCLE_SCHEMAS]

    assert len(compared) > 100
    assert [body for body in compared if differences(body)] == []
