"""Members keep their place in the list, whatever their characters."""

import pytest

from models.database import members
from models.tables import EventMember
from tests.payloads import group_destroyed

ODD = [
    *(
        "a",
        "A",
        "a ",
        " a",
        "",
        "é",
        "e\u0301",
        "群聊",
        "😀",
        "%s",
        "%(x)s",
        ":x",
        "{}",
        "[]",
        "null",
    ),
    *("\\", "\\\\n", "'", '"', "`", "\\'", "\0", "\ud800", "␛", "␛0000", "\n", "\u2028", "x" * 255),
]


@pytest.mark.parametrize("most", [1, 3, 1000])
def test_members_are_stored_in_their_order(post, recorder, rows, monkeypatch, most):
    monkeypatch.setattr(members, "MAX_MEMBERS", most)
    lists = [ODD, [], ODD[::-1], ["b", "a", "b"], ["c"]]
    for number, ids in enumerate(lists):
        users = [{"Member_Account": one} for one in ids]
        post(group_destroyed(GroupId=f"g{number}", MemberList=users, EventTime=10**12 + number + 1))
    recorder.record_available()

    found = sorted(rows(EventMember), key=lambda row: (row.event_id, row.position))
    expected = [
        (event + 1, user, place, f"g{event}")
        for event, ids in enumerate(lists)
        for place, user in enumerate(dict.fromkeys(ids))
    ]
    assert [(row.event_id, row.user_id, row.position, row.subject_id) for row in found] == expected
    assert {row.occurred_at.microsecond for row in found} == {1000, 3000, 4000, 5000}
