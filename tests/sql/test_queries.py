"""The documented queries: every engine gives the same answer to each."""

import json
import re
from datetime import date, datetime

import pytest
import sqlalchemy as sa

from tests.engines import ROOT
from tests.payloads import SAMPLES, channel_destroyed, group_created

DOCUMENT = (ROOT / "docs" / "queries.md").read_text()
SECTIONS = DOCUMENT.split("\n## ")[1:]
SQL = re.compile(r"^```sql\n(.*?)^```$", re.DOTALL | re.MULTILINE)

GROUP, CHANNEL = "@TGS#2J4SZEAEL", "@TOA#_test_OA_for_penn"
SAID = "2022-12-09 08:26:54.123000"  # the EventTime of nearly all samples
UNSAID = "2026-11-21 07:00:30.123456"  # the arrival of the callback without one
NEXT_DAY = "2026-11-22 07:00:{}.123456"
AGAIN_MS, AGAIN = "1700000000000", "2023-11-14 22:13:20.000000"
PROFILE = (
    '{"Introduction":"NewNotification","FaceUrl":"http://this.is.newface.url",'
    '"Organization":"NewOrganization"}'
)
EXPECTED = {
    "Who disbanded this group, when, and who was in it?": [
        (at, operator, "leckie", "RESTAPI", "127.0.0.1", user)
        for at, operator in [(SAID, None), (SAID, "administrator"), (UNSAID, None)]
        for user in ("leckie", "peter", "bob")
    ],
    "What happened to this channel, oldest first?": [
        (SAID, "created", "107867", "107867", "TestOfficialAccount", "{}"),
        (SAID, "profile_changed", "leckie", None, "NewName", PROFILE),
        (SAID, "destroyed", None, "107867", "TestOfficialAccount", "{}"),
        (SAID, "full", None, None, None, "{}"),
        (SAID, "members_removed", "leckie", None, None, "{}"),
    ],
    "Which names has this channel had?": [
        ("NewName", SAID, SAID),
        ("TestOfficialAccount", SAID, SAID),
    ],
    "Which channels were destroyed in December 2022?": [
        (SAID, CHANNEL, "TestOfficialAccount", "107867"),
    ],
    "Which groups was bob in when they were disbanded?": [
        (UNSAID, GROUP, "MyFirstGroup", "leckie", None),
        (SAID, GROUP, "MyFirstGroup", "leckie", "administrator"),
        (SAID, GROUP, "MyFirstGroup", "leckie", None),
    ],
    "What did leckie do in December 2022?": [
        (SAID, "channel", CHANNEL, "profile_changed", "NewName"),
        (SAID, "channel", CHANNEL, "members_removed", None),
        (SAID, "group", GROUP, "profile_changed", None),
        (SAID, "group", GROUP, "attributes_changed", None),
        (SAID, "group", GROUP, "members_added", None),
        (SAID, "group", GROUP, "members_removed", None),
    ],
    "How many groups are active, by type?": [("Community", 2), ("Public", 2), ("AVChatRoom", 1)],
    "Which active groups have not changed for the longest time?": [
        ("2022-07-09 18:02:45.743000", "00000000-0000-4000-8000-000000000000", "test update", None),
        (SAID, "@TGS#2TTV7VSII", None, "user2"),
        (SAID, "@TGS#xxxx", None, None),
        ("2023-05-01 04:19:23.569000", "@TGS#2EXAMPLE01", "test", "user_a"),
        ("2026-11-21 07:00:21.123456", "@TGS#_@TGS#cQVLVHIM62CJ", None, None),
    ],
    "Which groups got a new owner most recently, and from whom?": [
        (
            SAID,
            "@TGS#2TTV7VSII",
            "admin",
            "user2",
            '{"Type":"Public","OldOwner_Account":"user1","NewOwner_Account":"user2"}',
        ),
    ],
    "Which groups were created again after they were disbanded?": [(GROUP, SAID, AGAIN)],
    "Which callbacks were invalid, by command?": [
        ("Group.CallbackAfterGroupFull", 2, NEXT_DAY.format(37), NEXT_DAY.format(38)),
        ("Group.CallbackAfterGroupDestroyed", 1, NEXT_DAY.format(39), NEXT_DAY.format(39)),
    ],
    "What was refused most recently, and why?": [
        (NEXT_DAY.format(40), "app_unknown", "127.0.0.1", None),
    ],
    "How many callbacks arrived per day, and with which verdict?": [
        ("2026-11-21", "accepted", 22),
        ("2026-11-21", "unhandled", 12),
        ("2026-11-22", "accepted", 1),
        ("2026-11-22", "duplicate", 2),
        ("2026-11-22", "invalid", 3),
    ],
    "Which callbacks did Tencent deliver more than once?": [
        (
            4,
            "OfficialAccount.CallbackAfterOfficialAccountDestroyed",
            3,
            "2026-11-21 07:00:03.123456",
            NEXT_DAY.format(35),
        ),
    ],
    "Was the service working on 22 November between 7:00 and 8:00?": [
        ("2026-11-22 07:00:00.000000", "received", 6),
        ("2026-11-22 07:00:00.000000", "refused", 1),
    ],
}


@pytest.fixture
def story(deliver, clock):
    """All documented samples, one a second; on the next day, what else the queries ask for."""
    full, destroyed = (
        {"CallbackCommand": f"Group.CallbackAfterGroup{what}"} for what in ("Full", "Destroyed")
    )
    unreadable = [full, full, destroyed]
    again = [channel_destroyed(), channel_destroyed(), group_created(EventTime=AGAIN_MS)]
    for body in SAMPLES:
        deliver(body)
        clock.move(seconds=1)
    clock.move(days=1)
    for body in again + unreadable:
        deliver(body)
        clock.move(seconds=1)
    deliver(SAMPLES[0], query={"SdkAppid": "1", "Sign": None, "RequestTime": None})


def plain(value):
    """Write a value alike for every engine, as some return times and JSON as objects."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, dict):
        return json.dumps(value, separators=(",", ":"))
    return str(value) if isinstance(value, date) else value


def test_every_query_answers_its_question(story, connection):
    answers = {}
    for section in SECTIONS:
        for query in SQL.findall(section):
            rows = connection.execute(sa.text(query)).all()
            answers.setdefault(section.partition("\n")[0], []).extend(
                tuple(map(plain, row)) for row in rows
            )

    assert answers == EXPECTED


def test_query_stands_alone_under_its_question():
    assert {len(SQL.findall(section)) for section in SECTIONS} == {0, 1}
    assert len(SQL.findall(DOCUMENT)) == len(EXPECTED) == DOCUMENT.count("```sql")
