"""Where a body differs from the schema of its command."""

import pytest

from schemas.tencent.drift import find_differences
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from tests.payloads import GROUPS, OFFICIAL_ACCOUNTS, group_destroyed


def differences(body):
    return sorted(find_differences(LIFECYCLE_SCHEMAS[body["CallbackCommand"]], body))


def differences_of(**changes):
    """What differs in a group's end beside the operator, who is missing in its sample."""
    found = differences(group_destroyed() | changes)
    found.remove(("Operator_Account", "missing"))
    return found


def test_field_that_no_schema_knows_is_told_with_its_type():
    assert differences_of(Reason="spam") == [("Reason", "string")]
    assert differences_of(Reason=5) == [("Reason", "integer")]


def test_type_that_the_schema_does_not_expect_is_told():
    assert differences_of(Name=["a"]) == [("Name", "array")]


def test_fields_of_listed_users_are_compared_too():
    users = [{"Member_Account": "a", "Role": "Owner"}, {"Member_Account": "b", "Role": "Member"}]
    odd = [{"Account": 5}, "c", {"Member_Account": 6}]

    assert differences_of(MemberList=users) == [("MemberList[].Role", "string")]
    assert differences_of(MemberList=odd) == [
        ("MemberList[]", "string"),
        ("MemberList[].Account", "integer"),
        ("MemberList[].Member_Account", "integer"),
        ("MemberList[].Member_Account", "missing"),
    ]


def test_documented_field_that_is_left_out_is_missing():
    assert differences(group_destroyed(Type=None)) == [
        ("Operator_Account", "missing"),
        ("Type", "missing"),
    ]


def test_null_is_expected_where_it_is_allowed():
    assert differences_of(Name=None) == []


@pytest.mark.parametrize(
    "body",
    [body for body in OFFICIAL_ACCOUNTS + GROUPS if body["CallbackCommand"] in LIFECYCLE_SCHEMAS],
)
def test_documented_sample_has_no_unknown_field_or_type(body):
    assert {seen for _, seen in differences(body)} <= {"missing"}
