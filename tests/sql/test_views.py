"""The views show what is stored, in the documented columns."""

import re

import pytest
import sqlalchemy as sa

from models.tables import Delivery
from tests.engines import ROOT
from tests.payloads import channel_created, group_created, group_destroyed, sample

DOCUMENT = (ROOT / "docs" / "queries.md").read_text()
VIEWS = {
    name: re.findall(r"`(\w+)`", columns)
    for name, columns in re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", DOCUMENT, re.MULTILINE)
}


def test_views_have_the_documented_columns(connection):
    inspector = sa.inspect(connection)

    assert {
        view: [column["name"] for column in inspector.get_columns(view)]
        for view in inspector.get_view_names()
    } == VIEWS


@pytest.mark.parametrize("kind", ["channel", "group"])
def test_history_shows_the_events_of_its_subjects_as_they_are_stored(deliver, connection, kind):
    deliver(channel_created(Name="a\0b"))
    deliver(group_created(Name="a\0b"))
    places = {"event_id": "id", f"{kind}_id": "subject_id"}
    columns = ", ".join(places.get(name, name) for name in VIEWS[f"{kind}_history"])

    shown = connection.execute(sa.text(f"SELECT * FROM {kind}_history")).all()

    where = f"WHERE subject_type = '{kind}'"
    stored = connection.execute(sa.text(f"SELECT {columns} FROM lifecycle_events {where}")).all()
    assert shown == stored
    assert [row.name for row in shown] == ["a␛0000b"]


def test_members_at_end_are_those_of_disbanded_groups_only(deliver, connection):
    deliver(sample("CallbackAfterNewMemberJoin"))
    deliver(group_destroyed())

    query = "SELECT position, user_id, group_id, owner, name FROM members_at_end ORDER BY position"
    assert connection.execute(sa.text(query)).all() == [
        (position, user, "@TGS#2J4SZEAEL", "leckie", "MyFirstGroup")
        for position, user in enumerate(["leckie", "peter", "bob"])
    ]


def test_problems_are_what_could_not_be_read_and_what_was_refused(deliver, connection):
    unsigned = {"Sign": None, "RequestTime": None, "ClientIP": None, "OptPlatform": None}
    deliver(channel_created())
    deliver(data=b"{}", query={"CallbackCommand": "Group.CallbackAfterGroupFull"})
    deliver(data=b"{}", query=unsigned)

    query = "SELECT * FROM callback_problems ORDER BY kind"
    invalid, refused = connection.execute(sa.text(query)).mappings().all()

    stored = connection.execute(sa.select(Delivery).filter_by(verdict="invalid")).one()
    assert invalid["kind"] == "invalid"
    assert invalid["reason"] == '{"GroupId":["Missing data for required field."]}'
    for name in ("sdk_app_id", "command", "peer"):
        assert invalid[name] == getattr(stored, name)
    assert (invalid["delivery_id"], invalid["quarantined_request_id"]) == (stored.id, None)
    assert {name: value for name, value in refused.items() if name != "received_at"} == {
        "kind": "refused",
        "sdk_app_id": "888888",
        "command": None,
        "reason": "sign_missing",
        "peer": "127.0.0.1",
        "delivery_id": None,
        "quarantined_request_id": 1,
    }
    assert refused["received_at"] == invalid["received_at"]
