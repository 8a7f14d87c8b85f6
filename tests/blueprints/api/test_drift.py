"""Differences between callbacks and their documentation."""

from tests.conftest import NOW
from tests.payloads import group_destroyed

DESTROYED = "Group.CallbackAfterGroupDestroyed"
AT = NOW.isoformat().replace("+00:00", "Z")


def test_nothing_was_sent(read):
    assert read("/drift") == {"items": []}


def test_differences_are_told_with_a_sample_by_command(deliver, read, clock):
    deliver(group_destroyed(Reason="spam"))
    clock.move(minutes=1)
    deliver(group_destroyed(Reason="other", EventTime=1670574414124))
    deliver(group_destroyed(Reason=5, EventTime=1670574414125))

    [report] = read("/drift")["items"]

    assert (report["command"], report["deliveries"]) == (DESTROYED, 3)
    found = {(one["field"], one["seen"]): one for one in report["differences"]}
    assert found["Reason", "string"] == {
        "field": "Reason",
        "seen": "string",
        "is_new": True,
        "count": 2,
        "first_seen": AT,
        "last_seen": AT.replace("07:00", "07:01", 1),
        "sample_delivery_id": 2,
    }
    assert found["Reason", "integer"]["sample_delivery_id"] == 3


def test_new_fields_come_before_other_types(deliver, read):
    deliver(group_destroyed(Reason="spam", Name=5))

    [report] = read("/drift")["items"]

    found = [(one["field"], one["is_new"]) for one in report["differences"]]
    assert found == [("Reason", True), ("Name", False)]


def test_invalid_delivery_is_compared_too(deliver, read):
    assert deliver(group_destroyed(Name=["a"])).status_code == 400

    [report] = read("/drift")["items"]
    assert ("Name", "array") in {(one["field"], one["seen"]) for one in report["differences"]}


def test_command_without_a_difference_is_as_documented(deliver, read):
    deliver(group_destroyed(Type=None))

    assert read("/drift") == {"items": [{"command": DESTROYED, "deliveries": 1, "differences": []}]}


def test_body_that_is_no_object_is_passed_over(deliver, read):
    deliver(data=b"[]", query={"CallbackCommand": DESTROYED})
    deliver(data=b"x", query={"CallbackCommand": DESTROYED})

    assert read("/drift") == {"items": [{"command": DESTROYED, "deliveries": 2, "differences": []}]}


def test_command_says_the_same(run_command, deliver):
    deliver(group_destroyed(Reason="spam"))

    done = run_command("drift")

    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert lines == [
        f"{DESTROYED}: 1 callback compared",
        f"  Reason: a new field, string, 1 time from {AT} to {AT}, for example delivery 1",
    ]
