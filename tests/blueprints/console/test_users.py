"""The page of a user, over all roles."""

import re

import pytest

from tests.blueprints.console.conftest import ON_EVERY_ENGINE
from tests.blueprints.console.html import next_page, plain, section
from tests.payloads import group_created, group_destroyed, sample

START = 1_700_000_000_000


def at(minute):
    return START + minute * 60_000


def members(*names):
    return [{"Member_Account": name} for name in names]


@pytest.fixture
def life(deliver):
    """A group of ada's that bob joins, owns and leaves, and that ends with ada in it."""
    deliver(
        group_created(
            GroupId="g",
            Name="Atlas",
            Operator_Account="ada",
            Owner_Account="ada",
            MemberList=members("ada"),
            EventTime=at(0),
        )
    )
    joined = {"GroupId": "g", "NewMemberList": members("bob"), "EventTime": at(1)}
    deliver(sample("CallbackAfterNewMemberJoin", Operator_Account="ada", **joined))
    owners = {"OldOwner_Account": "ada", "NewOwner_Account": "bob", "EventTime": at(2)}
    deliver(sample("CallbackAfterChangeGroupOwner", GroupId="g", Operator_Account="ada", **owners))
    left = {"GroupId": "g", "ExitMemberList": members("bob"), "EventTime": at(3)}
    deliver(sample("CallbackAfterMemberExit", Operator_Account="bob", **left))


def rows(page):
    """Role, event, subject and change of each event."""
    found = re.findall("<tr>(.*?)</tr>", page.split("<tbody>")[-1], re.DOTALL)
    return [
        tuple(plain(cell) for cell in re.findall("<td.*?>(.*?)</td>", row, re.DOTALL)[1:5])
        for row in found
    ]


@ON_EVERY_ENGINE
def test_page_of_a_user_has_each_event_once_with_all_roles(life, look):
    assert rows(look("users/bob")) == [
        ("did it, left", "members removed", "Atlas g", "\N{MINUS SIGN} bob"),
        ("became owner", "owner changed", "Atlas g", "Owner: ada → bob"),
        ("was added", "members added", "Atlas g", "+ bob"),
    ]
    assert [row[0] for row in rows(look("users/ada"))] == [
        "did it",
        "did it",
        "did it, became owner, member",
    ]


@ON_EVERY_ENGINE
def test_roles_are_counted_and_lead_to_their_events(life, look):
    page = look("users/bob")

    assert "All Operator 1 Owner 1 Member 2" in section(page, "events")
    for role, count in (("operator", 1), ("owner", 1), ("member", 2)):
        assert f'href="/console/users/bob?role={role}"' in page
        assert len(rows(look(f"users/bob?role={role}"))) == count


@ON_EVERY_ENGINE
def test_page_of_a_user_says_what_is_theirs_now(life, deliver, look):
    for group_id, name in (("h", "Borealis"), ("i", "Ceres")):
        told = {"GroupId": group_id, "Name": name, "Owner_Account": "bob", "MemberList": None}
        deliver(group_created(**told, EventTime=at(4)))
    deliver(group_destroyed(GroupId="i", Owner_Account="bob", EventTime=at(5)))

    assert section(look("users/bob"), "owned") == "Owns now Borealis h Atlas g"
    assert 'aria-labelledby="joined"' not in look("users/bob")
    assert section(look("users/ada"), "joined") == "Member of Atlas g"
    assert 'aria-labelledby="owned"' not in look("users/ada")


def test_member_of_an_earlier_life_is_no_member_of_this_one(life, deliver, look):
    deliver(group_destroyed(GroupId="g", EventTime=at(5), MemberList=members("ada")))
    assert 'aria-labelledby="joined"' not in look("users/ada")
    assert rows(look("users/ada"))[0][0] == "member at the end"

    deliver(group_created(GroupId="g", Name="Again", EventTime=at(6), MemberList=members("eve")))

    assert 'aria-labelledby="joined"' not in look("users/ada")
    assert section(look("users/eve"), "joined") == "Member of Again g"


@ON_EVERY_ENGINE
def test_pages_of_a_user_lead_on_and_back(deliver, look):
    for number in range(7):
        names = {"Operator_Account": "bob", "Owner_Account": "bob" if number % 2 else "ada"}
        deliver(group_created(GroupId=f"g{number}", Name=None, EventTime=at(number // 2), **names))

    seen, address = [], "users/bob?limit=3"
    while address:
        page = look(address)
        seen.append([row[2] for row in rows(page)])
        address = next_page(page)

    assert seen == [["g6", "g5", "g4"], ["g3", "g2", "g1"], ["g0"]]
    back = re.search('<a href="/console/([^"]+)" rel="prev">', page)[1].replace("&amp;", "&")
    page = look(back)
    assert [row[2] for row in rows(page)] == seen[1]
    assert [row[2] for row in rows(look(next_page(page)))] == seen[2]
    back = re.search('<a href="/console/([^"]+)" rel="prev">', page)[1].replace("&amp;", "&")
    assert [row[2] for row in rows(look(back))] == seen[0]
    assert 'rel="prev"' not in look(back)


def test_user_whom_nothing_names_is_not_found(life, look):
    look("users/nobody", 404)
    look("users/bob?role=x", 400)
