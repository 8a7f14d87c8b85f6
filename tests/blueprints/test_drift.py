"""Where what is sent differs from what is documented."""

from tests.conftest import NOW
from tests.payloads import GROUPS, OFFICIAL_ACCOUNTS, group_destroyed

DESTROYED = "Group.CallbackAfterGroupDestroyed"
AT = NOW.isoformat().replace("+00:00", "Z")


def differences(read):
    return {
        (one["field"], one["seen"]): one
        for report in read("/drift")["items"]
        if report["command"] == DESTROYED
        for one in report["differences"]
    }


def test_nothing_was_sent(read):
    assert read("/drift") == {"items": []}


def test_field_that_no_schema_knows_is_told_with_a_sample(deliver, read, clock):
    deliver(group_destroyed(Reason="spam"))
    clock.move(minutes=1)
    deliver(group_destroyed(Reason="other", EventTime=1670574414124))
    deliver(group_destroyed(Reason=5, EventTime=1670574414125))

    found = differences(read)
    assert found["Reason", "string"] == {
        "field": "Reason",
        "seen": "string",
        "count": 2,
        "first_seen": AT,
        "last_seen": AT.replace("07:00", "07:01", 1),
        "sample_delivery_id": 2,
    }
    assert found["Reason", "integer"]["sample_delivery_id"] == 3


def test_type_that_the_schema_does_not_expect_is_told_though_invalid(deliver, read):
    assert deliver(group_destroyed(Name=["a"])).status_code == 400

    assert differences(read)["Name", "array"]["count"] == 1


def test_fields_of_listed_users_are_compared_too(deliver, read):
    users = [{"Member_Account": "a", "Role": "Owner"}, {"Member_Account": "b", "Role": "Member"}]
    deliver(group_destroyed(MemberList=users))
    deliver(group_destroyed(MemberList=[{"Account": 5}, "c", {"Member_Account": 6}]))

    found = differences(read)
    assert found["MemberList[].Role", "string"]["count"] == 1
    assert {key for key in found if key[0].startswith("MemberList")} == {
        ("MemberList[].Role", "string"),
        ("MemberList[].Account", "integer"),
        ("MemberList[].Member_Account", "missing"),
        ("MemberList[].Member_Account", "integer"),
        ("MemberList[]", "string"),
    }


def test_documented_field_that_is_left_out_is_missing(deliver, read):
    deliver(group_destroyed(Type=None))

    assert set(differences(read)) == {("Type", "missing"), ("Operator_Account", "missing")}


def test_null_is_expected_where_it_is_allowed(deliver, read):
    body = group_destroyed()
    deliver({**body, "Name": None, "GroupId": "g"})

    assert ("Name", "null") not in differences(read)


def test_documented_samples_have_no_unknown_types(deliver, read):
    for body in OFFICIAL_ACCOUNTS + GROUPS:
        deliver(body)

    seen = {
        (report["command"], one["field"], one["seen"])
        for report in read("/drift")["items"]
        for one in report["differences"]
        if one["seen"] != "missing"
    }
    assert seen == set()


def test_command_says_the_same(app, deliver):
    deliver(group_destroyed(Reason="spam"))

    done = app.test_cli_runner().invoke(args=["drift"])

    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert f"{DESTROYED}: 1 deliveries compared" in lines
    assert f"  Reason: string, 1 times from {AT} to {AT}, such as delivery 1" in lines


def test_body_that_is_no_object_is_passed_over(deliver, read):
    deliver(data=b"[]", query={"CallbackCommand": DESTROYED})
    deliver(data=b"x", query={"CallbackCommand": DESTROYED})

    assert read("/drift") == {"items": []}
